package kerascnn.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.TextView
import kerascnn.core.Answer
import kerascnn.core.Chosen
import kerascnn.core.Classification
import kerascnn.core.Problem
import kerascnn.core.StagedModel
import kotlin.math.roundToInt

private const val GALLERY = 1
private const val CAMERA = 2
private const val LABELLING = "labelling"

/** A picture from the gallery, the camera or another app, and what the chosen model says of it. */
class ClassifyActivity : Activity() {
    private val pictures by lazy { Pictures(this) }
    private val picker by lazy { ModelPicker(this, view(R.id.model), ::modelChosen) }
    private var shown: ShownAnswers? = null
    private var isLabelling = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.classify)
        view<Button>(R.id.gallery).setOnClickListener { pick() }
        view<Button>(R.id.camera).setOnClickListener {
            val camera = Intent(this, CameraActivity::class.java).putExtra(MODEL, picker.chosen?.name)
            startActivityForResult(camera, CAMERA)
        }
        try {
            picker.fill(state?.getString(MODEL))
        } catch (problem: Problem) {
            fail(problem)
        }
        if (state == null) {
            received(intent)
        } else {
            ShownAnswers.restore(state)?.let(::show)
            if (state.getBoolean(LABELLING) && pictures.isKept) {
                label() // what was asked for before the screen turned
            } else if (shown != null && pictures.isKept) {
                Background.run(pictures::decode) { it.onSuccess(::display) }
            }
        }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        received(intent)
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(MODEL, picker.chosen?.name)
        state.putBoolean(LABELLING, isLabelling)
        shown?.save(state)
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.classify, menu)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        val screen =
            when (item.itemId) {
                R.id.benchmark -> BenchmarkActivity::class.java
                R.id.about -> AboutActivity::class.java
                else -> return super.onOptionsItemSelected(item)
            }
        startActivity(Intent(this, screen).putExtra(MODEL, picker.chosen?.name))
        return true
    }

    override fun onActivityResult(
        request: Int,
        result: Int,
        data: Intent?,
    ) {
        super.onActivityResult(request, result, data)
        if (result != RESULT_OK) return
        if (request == CAMERA) label() else data?.data?.let { label(it) }
    }

    private fun received(intent: Intent) {
        if (intent.action != Intent.ACTION_SEND) return
        @Suppress("DEPRECATION") // what replaces it needs Android 13
        val uri = intent.getParcelableExtra<Uri>(Intent.EXTRA_STREAM)
        if (uri == null) fail(Problem.UnreadablePicture()) else label(uri)
    }

    private fun pick() {
        try {
            startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("image/*"), GALLERY)
        } catch (_: ActivityNotFoundException) {
            say(getString(R.string.error_no_app))
        }
    }

    private fun modelChosen() {
        if (shown != null && pictures.isKept) label()
    }

    /** Labels the picture at [uri], or, without one, that which was kept last. */
    private fun label(uri: Uri? = null) {
        val model = picker.chosen ?: return
        isLabelling = true
        Background.run({
            uri?.let(pictures::keep)
            val picture = pictures.decode()
            picture to Labeller.label(picker.models, model, picture)
        }) { outcome ->
            isLabelling = false
            if (isDestroyed) return@run
            outcome.onSuccess { (picture, labelled) ->
                display(picture)
                show(described(model, picture, labelled.first, labelled.second))
            }
            outcome.onFailure { fail(it as? Problem ?: throw it) }
        }
    }

    private fun described(
        model: StagedModel,
        picture: Picture,
        classification: Classification,
        chosen: Chosen,
    ) = ShownAnswers(
        classification.answers,
        if (picture.halved > 0) getString(R.string.reduced, picture.halved) else "",
        getString(R.string.latency, classification.inference, classification.preparing),
        (
            listOf(model.name, getString(R.string.runs_on, chosen.engine.runtime, chosen.engine.accelerator)) +
                chosen.refused.map { getString(R.string.refused, it) }
        ).joinToString("\n"),
    )

    private fun display(picture: Picture) {
        val found = view<ImageView>(R.id.picture)
        found.setImageBitmap(displayBitmap(picture))
        found.visibility = View.VISIBLE
    }

    private fun show(what: ShownAnswers) {
        shown = what
        say(what.message)
        view<TextView>(R.id.latency).text = what.latency
        view<TextView>(R.id.engine).text = what.engine
        val rows = view<LinearLayout>(R.id.answers)
        rows.removeAllViews()
        for (answer in what.answers) rows.addView(row(rows, answer))
    }

    private fun row(
        rows: LinearLayout,
        answer: Answer,
    ): View {
        val row = layoutInflater.inflate(R.layout.answer, rows, false)
        val percent = "%.1f".format(100 * answer.probability)
        row.view<TextView>(R.id.label).text = answer.label
        row.view<TextView>(R.id.percent).text = getString(R.string.percent, percent)
        row.view<ProgressBar>(R.id.bar).progress = (1000 * answer.probability).roundToInt()
        row.contentDescription = getString(R.string.answer, answer.label, percent)
        return row
    }

    private fun fail(problem: Problem) {
        show(ShownAnswers(emptyList(), problem.localized(resources), "", ""))
        view<ImageView>(R.id.picture).visibility = View.GONE
    }

    private fun say(text: String) {
        val found = view<TextView>(R.id.message)
        found.text = text
        found.visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
    }

    companion object {
        /** The extra, and the state, that names a model. */
        const val MODEL = "model"
    }
}
