package kerascnn.core

import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.round

/** Decoded pixels, row by row, so that a picture of any size is never in memory twice. */
interface PixelRows {
    val width: Int
    val height: Int

    /** Puts row [y] into [row] as 0xAARRGGBB; opacity is not looked at. */
    fun read(
        y: Int,
        row: IntArray,
    )
}

/**
 * Brings a picture to the size and channels of [input] as `kerascnn` does: levels 0..255, NHWC.
 *
 * STRETCH: bilinear, half-pixel centres, no smoothing before it, in float32, in the order of
 * operations of TensorFlow's kernel. PAD: centred between zeros or cropped, never scaled. MIDDLE:
 * stretched to a shorter side with its aspect, grey levels made before, then cropped.
 */
class Resizer(
    private val input: PictureInput,
) {
    private val levels = ByteArray(input.size)
    private val pixel = FloatArray(3)

    /** Returns the levels, in an array that the next call fills anew. */
    fun levels(
        picture: PixelRows,
        orientation: Orientation,
    ): ByteArray {
        when (input.resize) {
            ResizeRule.STRETCH ->
                if (orientation.transposed) {
                    stretch(picture, orientation, input.width, input.height)
                } else {
                    stretch(picture, orientation, input.height, input.width)
                }
            ResizeRule.PAD -> pad(picture, orientation)
            ResizeRule.MIDDLE -> {
                val rows = if (input.channels == 1) GreyRows(picture) else picture
                stretch(rows, orientation, scaled(picture.height, picture), scaled(picture.width, picture))
            }
        }
        return levels
    }

    /** A [side] of a picture once its shorter one is what the model asks for. */
    private fun scaled(
        side: Int,
        picture: PixelRows,
    ): Int {
        val shorter = minOf(picture.width, picture.height).toFloat()
        return round(side * input.shorterSide.toFloat() / shorter).toInt()
    }

    /** Puts a picture, scaled to [height] x [width] as it is stored, in the middle. */
    private fun stretch(
        picture: PixelRows,
        orientation: Orientation,
        height: Int,
        width: Int,
    ) {
        val rows = Interpolation(height, picture.height)
        val columns = Interpolation(width, picture.width)
        var upper = IntArray(picture.width)
        var lower = IntArray(picture.width)
        var upperIs = -1
        var lowerIs = -1
        for (y in 0 until height) {
            if (rows.first[y] != upperIs) {
                if (rows.first[y] == lowerIs) {
                    upper = lower.also { lower = upper }
                    lowerIs = -1
                } else {
                    picture.read(rows.first[y], upper)
                }
                upperIs = rows.first[y]
            }
            if (rows.second[y] != lowerIs) {
                picture.read(rows.second[y], lower)
                lowerIs = rows.second[y]
            }
            for (x in 0 until width) {
                val left = columns.first[x]
                val right = columns.second[x]
                for (channel in 0..2) {
                    val shift = 16 - 8 * channel
                    val top = between(upper[left], upper[right], shift, columns.share[x])
                    val bottom = between(lower[left], lower[right], shift, columns.share[x])
                    pixel[channel] = top + (bottom - top) * rows.share[y]
                }
                put(y, x, height, width, orientation)
            }
        }
    }

    private fun between(
        left: Int,
        right: Int,
        shift: Int,
        share: Float,
    ): Float {
        val from = (left ushr shift and 0xFF).toFloat()
        return from + ((right ushr shift and 0xFF).toFloat() - from) * share
    }

    private fun pad(
        picture: PixelRows,
        orientation: Orientation,
    ) {
        levels.fill(0)
        val row = IntArray(picture.width)
        for (y in 0 until picture.height) {
            picture.read(y, row)
            for (x in 0 until picture.width) {
                for (channel in 0..2) pixel[channel] = (row[x] ushr (16 - 8 * channel) and 0xFF).toFloat()
                put(y, x, picture.height, picture.width, orientation)
            }
        }
    }

    /** Puts [pixel] where row [y], column [x] of [height] x [width] stored pixels comes to stand. */
    private fun put(
        y: Int,
        x: Int,
        height: Int,
        width: Int,
        orientation: Orientation,
    ) {
        val uprightHeight = if (orientation.transposed) width else height
        val uprightWidth = if (orientation.transposed) height else width
        var r = if (orientation.transposed) x else y
        var c = if (orientation.transposed) y else x
        if (orientation.rowsReversed) r = uprightHeight - 1 - r
        if (orientation.columnsReversed) c = uprightWidth - 1 - c
        r += centred(uprightHeight, input.height)
        c += centred(uprightWidth, input.width)
        if (r !in 0 until input.height || c !in 0 until input.width) return
        val start = (r * input.width + c) * input.channels
        if (input.channels == 1) {
            levels[start] = level(grey())
        } else {
            for (channel in 0..2) levels[start + channel] = level(pixel[channel])
        }
    }

    private fun grey() = grey(pixel[0], pixel[1], pixel[2])

    private fun level(value: Float) = round(value).toInt().coerceIn(0, 255).toByte()

    private fun centred(
        from: Int,
        to: Int,
    ) = if (from > to) -((from - to) / 2) else (to - from) / 2
}

/** Grey pixels stay what they are; colours weigh as in TensorFlow's rgb_to_grayscale. */
private fun grey(
    red: Float,
    green: Float,
    blue: Float,
) = if (red == green && green == blue) red else RED * red + GREEN * green + BLUE * blue

private const val RED = 0.2989f
private const val GREEN = 0.587f
private const val BLUE = 0.114f

/** The rows of a picture, grey. */
private class GreyRows(
    private val picture: PixelRows,
) : PixelRows by picture {
    override fun read(
        y: Int,
        row: IntArray,
    ) {
        picture.read(y, row)
        for (x in 0 until width) {
            val (red, green, blue) = listOf(16, 8, 0).map { (row[x] ushr it and 0xFF).toFloat() }
            row[x] = round(grey(red, green, blue)).toInt().coerceIn(0, 255) * 0x010101
        }
    }
}

/** Of each of [to] places the two of [from] it lies between, and its share of the second. */
private class Interpolation(
    to: Int,
    from: Int,
) {
    val first = IntArray(to)
    val second = IntArray(to)
    val share = FloatArray(to)

    init {
        val scale = from / to.toFloat()
        for (place in 0 until to) {
            val exact = (place + 0.5f) * scale - 0.5f
            val below = floor(exact)
            first[place] = maxOf(below.toInt(), 0)
            second[place] = minOf(ceil(exact).toInt(), from - 1)
            share[place] = exact - below
        }
    }
}
