package kerascnn.demo

import android.content.Context
import android.os.Bundle
import kerascnn.core.BenchmarkResult
import kerascnn.core.StagedModels
import kerascnn.core.benchmarkJson
import java.util.Date

/** The one measurement of this process: it goes on while its screen turns. */
object BenchmarkRun {
    /** Told on the main thread whenever something here changed. */
    var listener: (() -> Unit)? = null
    var message = ""
    var isRunning = false
        private set

    /** Asks a sustained run to end early. */
    @Volatile
    var isStopped = false

    /** The figures of all runs since the app began, as `kerascnn report` reads them. */
    var json: String? = null
        private set
    private val results = ArrayList<BenchmarkResult>()

    /** Measures in the background; [words] says what came of it. */
    fun start(
        context: Context,
        models: StagedModels,
        setting: Setting,
        words: (Result<BenchmarkResult>) -> String,
    ) {
        isRunning = true
        isStopped = false
        listener?.invoke()
        Background.run({ Benchmark(context) { isStopped }.run(models, setting) }) { outcome ->
            isRunning = false
            message = words(outcome)
            outcome.onSuccess {
                results.add(it)
                json = benchmarkJson(Benchmark.device(), Date(), results)
            }
            listener?.invoke()
        }
    }

    /** Keeps the last figures for a process that is made anew. */
    fun save(state: Bundle) {
        state.putString("figures", json)
        state.putString("message", message)
    }

    /** Takes back what [save] kept. */
    fun restore(state: Bundle) {
        json = state.getString("figures")
        message = state.getString("message", "")
    }
}
