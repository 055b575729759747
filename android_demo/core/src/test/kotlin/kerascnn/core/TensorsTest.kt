package kerascnn.core

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class TensorsTest {
    private val levels = byteArrayOf(0, 127, -128, -1) // 0, 127, 128, 255

    @Test
    fun levelsArePackedAsEachTypeTakesThem() {
        assertEquals(listOf<Byte>(0, 127, -128, -1), packed(ElementType.UINT8) { it.get() })
        assertEquals(listOf<Byte>(-128, -1, 0, 127), packed(ElementType.INT8) { it.get() })
        assertEquals(listOf(0f, 127f, 128f, 255f), packed(ElementType.FLOAT32) { it.getFloat() })
    }

    @Test
    fun integersBecomeNumbersByScaleAndZeroPoint() {
        val buffer = directBuffer(ElementType.UINT8, 2)
        buffer.put(byteArrayOf(-1, 10))
        val numbers = FloatArray(2)
        val output = ClassOutput("y", ElementType.UINT8, Quantization(0.5f, 10), listOf("a", "b"), false)
        unpack(buffer, output, numbers)
        assertArrayEquals(floatArrayOf(122.5f, 0f), numbers, 0f)
        unpack(buffer, output.copy(type = ElementType.INT8), numbers)
        assertArrayEquals(floatArrayOf(-5.5f, 0f), numbers, 0f)
    }

    @Test
    fun logitsOfAnySizeBecomeProbabilities() {
        val numbers = floatArrayOf(1000f, 1000f, -1000f)
        softmax(numbers)
        assertArrayEquals(floatArrayOf(0.5f, 0.5f, 0f), numbers, 1e-6f)
    }

    private fun <T> packed(
        type: ElementType,
        read: (java.nio.ByteBuffer) -> T,
    ): List<T> {
        val buffer = directBuffer(type, levels.size)
        pack(levels, type, buffer)
        return List(levels.size) { read(buffer) }
    }
}
