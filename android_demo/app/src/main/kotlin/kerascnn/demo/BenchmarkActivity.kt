package kerascnn.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.Spinner
import android.widget.TextView
import kerascnn.core.Accelerator
import kerascnn.core.BenchmarkResult
import kerascnn.core.Problem

private val THREADS = listOf(1, 2, 4)
private val ACCELERATORS = listOf(Accelerator.CPU, Accelerator.GPU, Accelerator.NNAPI)
private val MINUTES = listOf(0, 1, 5)

/** Measures a model as the user says, and shares the figures as JSON. */
class BenchmarkActivity : Activity() {
    private val picker by lazy { ModelPicker(this, view(R.id.model)) {} }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.benchmark)
        fill(R.id.threads, THREADS)
        fill(R.id.accelerator, ACCELERATORS)
        fill(R.id.duration, listOf(R.string.runs, R.string.one_minute, R.string.five_minutes).map(::getString))
        view<Button>(R.id.start).setOnClickListener { startOrStop() }
        view<Button>(R.id.share).setOnClickListener { share() }
        try {
            picker.fill(state?.getString(ClassifyActivity.MODEL) ?: intent.getStringExtra(ClassifyActivity.MODEL))
        } catch (problem: Problem) {
            BenchmarkRun.message = problem.localized(resources)
            view<Button>(R.id.start).isEnabled = false
        }
        if (state != null && BenchmarkRun.json == null) BenchmarkRun.restore(state)
        BenchmarkRun.listener = ::refresh
        refresh()
    }

    override fun onDestroy() {
        super.onDestroy()
        if (BenchmarkRun.listener == ::refresh) BenchmarkRun.listener = null
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(ClassifyActivity.MODEL, picker.chosen?.name)
        BenchmarkRun.save(state)
    }

    private fun fill(
        id: Int,
        choices: List<Any>,
    ) {
        view<Spinner>(id).adapter =
            ArrayAdapter(this, android.R.layout.simple_spinner_dropdown_item, choices)
    }

    private fun chosen(id: Int) = view<Spinner>(id).selectedItemPosition

    private fun startOrStop() {
        if (BenchmarkRun.isRunning) {
            BenchmarkRun.isStopped = true
            return
        }
        val setting =
            Setting(
                picker.chosen ?: return,
                THREADS[chosen(R.id.threads)],
                ACCELERATORS[chosen(R.id.accelerator)],
                MINUTES[chosen(R.id.duration)],
            )
        BenchmarkRun.start(applicationContext, picker.models, setting) { outcome ->
            outcome.fold(::described) { (it as? Problem ?: throw it).localized(resources) }
        }
    }

    private fun described(result: BenchmarkResult) =
        getString(
            R.string.measured,
            result.file,
            "${result.engine} ${result.version} ${result.accelerator}",
            result.threads,
            result.latency.median,
            result.latency.p90,
            result.latency.runs,
            result.coldStart,
            result.memory / 1e6,
            result.thermal ?: getString(R.string.unknown),
        )

    private fun refresh() {
        view<TextView>(R.id.message).text =
            if (BenchmarkRun.isRunning) getString(R.string.running) else BenchmarkRun.message
        view<Button>(R.id.start).setText(if (BenchmarkRun.isRunning) R.string.stop else R.string.start)
        view<Button>(R.id.share).isEnabled = BenchmarkRun.json != null && !BenchmarkRun.isRunning
    }

    private fun share() {
        val send = Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, BenchmarkRun.json)
        startActivity(Intent.createChooser(send, getString(R.string.share)))
    }
}
