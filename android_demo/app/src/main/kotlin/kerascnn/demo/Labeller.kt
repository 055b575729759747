package kerascnn.demo

import kerascnn.core.Chosen
import kerascnn.core.Classification
import kerascnn.core.Classifier
import kerascnn.core.StagedModel
import kerascnn.core.StagedModels

/** One model, opened with the engine that runs it, until another is asked for. */
object Labeller {
    private var opened: Opened? = null

    private class Opened(
        val name: String,
        val chosen: Chosen,
        val classifier: Classifier,
    )

    /** Labels a picture, and says which engine did; throws [kerascnn.core.Problem]. */
    @Synchronized
    fun label(
        models: StagedModels,
        model: StagedModel,
        picture: Picture,
    ): Pair<Classification, Chosen> {
        val ready = opened?.takeIf { it.name == model.name } ?: open(models, model)
        return ready.classifier.classify(picture.rows, picture.orientation) to ready.chosen
    }

    /** Gives the engine back. */
    @Synchronized
    fun close() {
        opened?.chosen?.engine?.close()
        opened = null
    }

    private fun open(
        models: StagedModels,
        model: StagedModel,
    ): Opened {
        close()
        val loaded = models.load(model)
        val chosen = Engines.open(loaded)
        return Opened(model.name, chosen, Classifier(loaded.contract, chosen.engine)).also { opened = it }
    }
}
