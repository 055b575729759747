package kerascnn.demo

import kerascnn.core.Accelerator
import kerascnn.core.InferenceEngine
import kerascnn.core.LoadedModel
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.TensorFlowLite
import org.tensorflow.lite.nnapi.NnApiDelegate
import java.nio.ByteBuffer

private const val GPU_DELEGATE = "org.tensorflow.lite.gpu.GpuDelegate"

/** Runs .tflite files by LiteRT's interpreter, on CPU with [threads] threads, GPU or NNAPI. */
class LiteRtEngine(
    model: LoadedModel,
    threads: Int,
    override val accelerator: Accelerator,
) : InferenceEngine {
    private val delegate: Delegate? =
        when (accelerator) {
            Accelerator.CPU -> null
            Accelerator.NNAPI -> NnApiDelegate()
            Accelerator.GPU -> gpuDelegate()
        }
    private val interpreter: Interpreter

    init {
        val options = Interpreter.Options().setNumThreads(threads)
        delegate?.let { options.addDelegate(it) }
        interpreter =
            try {
                Interpreter(model.content.duplicate().order(model.content.order()), options)
            } catch (error: RuntimeException) {
                delegate?.close()
                throw error
            }
    }

    override val runtime get() = "LiteRT ${TensorFlowLite.runtimeVersion()}"

    override fun run(
        input: ByteBuffer,
        output: ByteBuffer,
    ) {
        input.rewind()
        output.rewind()
        interpreter.run(input, output)
    }

    override fun close() {
        interpreter.close()
        delegate?.close()
    }

    /** By its name: the GPU library is not in every build. */
    private fun gpuDelegate(): Delegate {
        val type =
            try {
                Class.forName(GPU_DELEGATE)
            } catch (_: ClassNotFoundException) {
                throw UnsupportedOperationException("this build has no GPU library")
            }
        return type.getDeclaredConstructor().newInstance() as Delegate
    }
}
