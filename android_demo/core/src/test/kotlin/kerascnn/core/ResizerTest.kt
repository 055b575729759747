package kerascnn.core

import org.junit.Assert.assertArrayEquals
import org.junit.Test

/** Results that can be worked out by hand. */
class ResizerTest {
    @Test
    fun twoPixelsBecomeFourByHalfPixelCentres() {
        assertArrayEquals(bytes(0, 25, 75, 100), resized(Grey(1, 2, 0, 100), 1, 4))
    }

    @Test
    fun stretchingDoesNotSmooth() {
        assertArrayEquals(bytes(9, 9), resized(Grey(1, 6, 1, 9, 1, 1, 9, 1), 1, 2))
        assertArrayEquals(bytes(9), resized(Grey(1, 5, 1, 1, 9, 1, 1), 1, 1))
    }

    @Test
    fun turnedRightIsReadFromBelowUpwards() {
        val picture = Grey(2, 3, 1, 2, 3, 4, 5, 6)
        assertArrayEquals(bytes(4, 1, 5, 2, 6, 3), resized(picture, 3, 2, Orientation.TURNED_RIGHT))
        assertArrayEquals(bytes(3, 6, 2, 5, 1, 4), resized(picture, 3, 2, Orientation.TURNED_LEFT))
        assertArrayEquals(bytes(6, 5, 4, 3, 2, 1), resized(picture, 2, 3, Orientation.UPSIDE_DOWN))
    }

    @Test
    fun paddingCentresAndCropsTheMiddle() {
        val picture = Grey(1, 3, 7, 8, 9)
        assertArrayEquals(bytes(0, 7, 8, 9, 0), resized(picture, 1, 5, rule = ResizeRule.PAD))
        assertArrayEquals(bytes(8), resized(picture, 1, 1, rule = ResizeRule.PAD))
    }

    @Test
    fun aPictureMadeAnewLeavesNothingOfTheOneBefore() {
        val resizer = Resizer(PictureInput("x", ElementType.UINT8, 1, 3, 1, ResizeRule.PAD))
        resizer.levels(Grey(1, 3, 7, 8, 9), Orientation.UPRIGHT)
        assertArrayEquals(bytes(0, 5, 0), resizer.levels(Grey(1, 1, 5), Orientation.UPRIGHT))
    }

    private fun resized(
        picture: PixelRows,
        height: Int,
        width: Int,
        orientation: Orientation = Orientation.UPRIGHT,
        rule: ResizeRule = ResizeRule.STRETCH,
    ) = Resizer(PictureInput("x", ElementType.UINT8, height, width, 1, rule)).levels(picture, orientation)

    private fun bytes(vararg levels: Int) = ByteArray(levels.size) { levels[it].toByte() }
}

/** Grey levels, row after row. */
class Grey(
    override val height: Int,
    override val width: Int,
    private vararg val levels: Int,
) : PixelRows {
    override fun read(
        y: Int,
        row: IntArray,
    ) {
        for (x in 0 until width) row[x] = levels[y * width + x] * 0x010101
    }
}
