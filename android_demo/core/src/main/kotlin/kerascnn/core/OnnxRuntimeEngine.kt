package kerascnn.core

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer

/** Runs .onnx files by ONNX Runtime, on CPU or by NNAPI, with [threads] threads. */
class OnnxRuntimeEngine(
    model: LoadedModel,
    threads: Int,
    override val accelerator: Accelerator = Accelerator.CPU,
) : InferenceEngine {
    private val environment = OrtEnvironment.getEnvironment()
    private val contract = model.contract
    private val session =
        OrtSession.SessionOptions().use { options ->
            options.setIntraOpNumThreads(threads)
            if (accelerator == Accelerator.NNAPI) options.addNnapi()
            val content = model.content.duplicate()
            environment.createSession(ByteArray(content.remaining()).also { content.get(it) }, options)
        }
    private val taken =
        with(contract.input) { longArrayOf(1, height.toLong(), width.toLong(), channels.toLong()) }
    private val given = longArrayOf(
        1,
        contract.output.labels.size
            .toLong(),
    )

    override val runtime get() = "ONNX Runtime ${environment.version}"

    override fun run(
        input: ByteBuffer,
        output: ByteBuffer,
    ) {
        tensor(input, contract.input.type, taken).use { from ->
            tensor(output, contract.output.type, given).use { to ->
                session.run(mapOf(contract.input.name to from), mapOf(contract.output.name to to)).close()
            }
        }
    }

    private fun tensor(
        buffer: ByteBuffer,
        type: ElementType,
        shape: LongArray,
    ): OnnxTensor {
        buffer.rewind()
        return when (type) {
            ElementType.UINT8 -> OnnxTensor.createTensor(environment, buffer, shape, OnnxJavaType.UINT8)
            ElementType.INT8 -> OnnxTensor.createTensor(environment, buffer, shape, OnnxJavaType.INT8)
            ElementType.FLOAT32 -> OnnxTensor.createTensor(environment, buffer.asFloatBuffer(), shape)
        }
    }

    override fun close() = session.close()
}
