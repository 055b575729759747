package kerascnn.demo

import kerascnn.core.Accelerator
import kerascnn.core.Chosen
import kerascnn.core.LoadedModel
import kerascnn.core.OnnxRuntimeEngine
import kerascnn.core.Rung
import kerascnn.core.firstThatRuns

/** Opens engines for staged models. */
object Engines {
    /** Whatever runs, the fastest first: GPU, then CPU with half of its cores, four at the most. */
    fun open(model: LoadedModel): Chosen = choose(model, defaultThreads, listOf(Accelerator.GPU, Accelerator.CPU))

    /** That accelerator alone, for a benchmark that says what it measured. */
    fun open(
        model: LoadedModel,
        threads: Int,
        accelerator: Accelerator,
    ): Chosen = choose(model, threads, listOf(accelerator))

    private val defaultThreads = (Runtime.getRuntime().availableProcessors() / 2).coerceIn(1, 4)

    private fun choose(
        model: LoadedModel,
        threads: Int,
        accelerators: List<Accelerator>,
    ): Chosen {
        val rungs = accelerators.map { accelerator -> Rung(accelerator) { engine(model, threads, accelerator) } }
        return firstThatRuns(model.staged.file, model.contract, rungs)
    }

    private fun engine(
        model: LoadedModel,
        threads: Int,
        accelerator: Accelerator,
    ) = when {
        !model.staged.file.endsWith(".onnx") -> LiteRtEngine(model, threads, accelerator)
        accelerator == Accelerator.GPU -> throw UnsupportedOperationException("ONNX Runtime has no GPU on Android")
        else -> OnnxRuntimeEngine(model, threads, accelerator)
    }
}
