package kerascnn.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.exp

/** A direct buffer in the machine's byte order for [elements] of [type]; engines take no other. */
internal fun directBuffer(
    type: ElementType,
    elements: Int,
): ByteBuffer = ByteBuffer.allocateDirect(elements * type.bytes).order(ByteOrder.nativeOrder())

/** Puts levels 0..255 into [buffer], from its start, as a model's [type] takes raw pixels. */
internal fun pack(
    levels: ByteArray,
    type: ElementType,
    buffer: ByteBuffer,
) {
    buffer.rewind()
    when (type) {
        ElementType.UINT8 -> buffer.put(levels)
        ElementType.INT8 -> for (level in levels) buffer.put((unsigned(level) - 128).toByte())
        ElementType.FLOAT32 -> for (level in levels) buffer.putFloat(unsigned(level).toFloat())
    }
    buffer.rewind()
}

/** Reads the numbers in [buffer], from its start, into [numbers]. */
internal fun unpack(
    buffer: ByteBuffer,
    output: ClassOutput,
    numbers: FloatArray,
) {
    buffer.rewind()
    val quantization = output.quantization
    for (i in numbers.indices) {
        val stored =
            when (output.type) {
                ElementType.UINT8 -> unsigned(buffer.get()).toFloat()
                ElementType.INT8 -> buffer.get().toFloat()
                ElementType.FLOAT32 -> buffer.getFloat()
            }
        numbers[i] = if (quantization == null) stored else (stored - quantization.zeroPoint) * quantization.scale
    }
}

/** Turns logits into probabilities, in place. */
internal fun softmax(numbers: FloatArray) {
    val largest = numbers.max()
    for (i in numbers.indices) numbers[i] = exp(numbers[i] - largest)
    val sum = numbers.sum()
    for (i in numbers.indices) numbers[i] /= sum
}

private fun unsigned(level: Byte) = level.toInt() and 0xFF
