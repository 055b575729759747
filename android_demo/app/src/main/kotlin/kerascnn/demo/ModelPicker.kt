package kerascnn.demo

import android.app.Activity
import android.content.res.AssetManager
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Spinner
import kerascnn.core.StagedModel
import kerascnn.core.StagedModels
import java.io.InputStream

/** Opens what was staged into the app. */
object StagedAssets {
    /** Tests hand other bytes out. */
    var open: (AssetManager, String) -> InputStream = AssetManager::open
}

/** A list of everything that `kerascnn stage` put in; [whenChosen] is called for each new choice. */
class ModelPicker(
    private val activity: Activity,
    private val spinner: Spinner,
    private val whenChosen: () -> Unit,
) {
    val models = StagedModels { StagedAssets.open(activity.assets, it) }
    private var listed: List<StagedModel> = emptyList()

    /** The chosen model; null where none is staged. */
    var chosen: StagedModel? = null
        private set

    /** Lists the models and chooses [name], or the first. Throws [kerascnn.core.Problem]. */
    fun fill(name: String?) {
        listed = models.list()
        val names = listed.map { it.name }
        chosen = listed[names.indexOf(name).coerceAtLeast(0)]
        spinner.adapter = ArrayAdapter(activity, android.R.layout.simple_spinner_dropdown_item, names)
        spinner.setSelection(listed.indexOf(chosen))
        spinner.onItemSelectedListener = Listener()
    }

    private inner class Listener : AdapterView.OnItemSelectedListener {
        override fun onItemSelected(
            parent: AdapterView<*>?,
            view: View?,
            position: Int,
            id: Long,
        ) {
            if (listed[position] == chosen) return
            chosen = listed[position]
            whenChosen()
        }

        override fun onNothingSelected(parent: AdapterView<*>?) = Unit
    }
}
