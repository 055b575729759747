package kerascnn.core

import java.nio.ByteBuffer

/** What a model computes on. */
enum class Accelerator { GPU, NNAPI, CPU }

/** A model that is loaded and ready to run. */
interface InferenceEngine : AutoCloseable {
    /** Name and version, "LiteRT 2.16.1". */
    val runtime: String

    /** What it computes on. */
    val accelerator: Accelerator

    /** Runs the model once: direct buffers, of the model's types and sizes, from their start. */
    fun run(
        input: ByteBuffer,
        output: ByteBuffer,
    )
}

/** One way to run a model, tried where those before it failed. */
class Rung(
    val accelerator: Accelerator,
    val open: () -> InferenceEngine,
)

/** The engine that runs, and in a line each why the rungs above it do not. */
class Chosen(
    val engine: InferenceEngine,
    val refused: List<String>,
)

/**
 * Opens the first of [rungs] that runs [file].
 *
 * A rung counts as running after one inference: drivers of GPUs compile, and fail, at the first.
 * Throws [Problem.NoEngine] where none runs.
 */
fun firstThatRuns(
    file: String,
    contract: Contract,
    rungs: List<Rung>,
): Chosen {
    val input = directBuffer(contract.input.type, contract.input.size)
    val output = directBuffer(contract.output.type, contract.output.labels.size)
    val refused = ArrayList<String>()
    for (rung in rungs) {
        try {
            val engine = rung.open()
            try {
                engine.run(input, output)
            } catch (error: Throwable) {
                engine.close()
                throw error
            }
            return Chosen(engine, refused)
        } catch (error: Exception) {
            refused.add("${rung.accelerator}: ${reason(error)}")
        } catch (error: LinkageError) {
            // a library that this build or this processor lacks
            refused.add("${rung.accelerator}: ${reason(error)}")
        }
    }
    throw Problem.NoEngine(file, refused)
}

private fun reason(error: Throwable) =
    (error.message ?: error.javaClass.simpleName).lineSequence().first().take(LONGEST_REASON)

private const val LONGEST_REASON = 200
