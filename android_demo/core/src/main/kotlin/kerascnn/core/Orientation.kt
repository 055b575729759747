package kerascnn.core

private val EXIF = "Exif\u0000\u0000".toByteArray(Charsets.ISO_8859_1)
private val ALONE = setOf(0x01) + (0xD0..0xD7) // markers without a segment behind them
private val FRAMES = (0xC0..0xCF).toSet() - setOf(0xC4, 0xC8, 0xCC) // they carry the size
private const val ORIENTATION = 0x0112
private const val SHORT = 3

/**
 * How a camera was held, as EXIF says it: 1 (upright) to 8.
 *
 * [transposed]: rows and columns change places; then the order of rows and columns is turned.
 */
enum class Orientation(
    val transposed: Boolean,
    val rowsReversed: Boolean,
    val columnsReversed: Boolean,
) {
    UPRIGHT(false, false, false),
    MIRRORED(false, false, true),
    UPSIDE_DOWN(false, true, true),
    FLIPPED(false, true, false),
    TRANSPOSED(true, false, false),
    TURNED_RIGHT(true, false, true),
    TRANSVERSE(true, true, true),
    TURNED_LEFT(true, true, false),
    ;

    companion object {
        /** Reads the first bytes of a picture's file; upright where they are no JPEG or say nothing. */
        fun of(first: ByteArray): Orientation = entries[exif(first) - 1]
    }
}

/** Walks from segment to segment, as libjpeg does, until one carries the size. */
private fun exif(data: ByteArray): Int {
    if (unsigned(data, 0) != 0xFF || unsigned(data, 1) != 0xD8) return 1
    var place = 2
    var orientation = 1
    while (true) {
        while (unsigned(data, place) != 0xFF) if (++place >= data.size) return orientation
        while (unsigned(data, place) == 0xFF) place++
        val marker = unsigned(data, place++)
        if (marker == 0 || marker in ALONE) continue
        if (place + 2 > data.size || marker in FRAMES || marker in 0xD8..0xDA) return orientation
        val length = (unsigned(data, place) shl 8) + unsigned(data, place + 1)
        if (marker == 0xE1 && orientation == 1 && holdsExif(data, place + 2)) {
            val tiff = data.copyOfRange(place + 8, minOf(maxOf(place + 8, place + length), data.size))
            orientation = orientation(tiff)
        }
        place += maxOf(length, 2)
    }
}

private fun holdsExif(
    data: ByteArray,
    place: Int,
) = place + EXIF.size <= data.size && EXIF.indices.all { data[place + it] == EXIF[it] }

/** EXIF's orientation in the block that it borrows from TIFF; 1 where it has none. */
private fun orientation(tiff: ByteArray): Int {
    val little =
        when (String(tiff, 0, minOf(4, tiff.size), Charsets.ISO_8859_1)) {
            "II*\u0000" -> true
            "MM\u0000*" -> false
            else -> return 1
        }

    fun number(
        start: Long,
        size: Int,
    ) = (0 until size).fold(0L) { sum, i ->
        val at = start + if (little) size - 1 - i else i
        if (at >= tiff.size) sum else (sum shl 8) + (tiff[at.toInt()].toInt() and 0xFF)
    }

    val directory = number(4, 4)
    for (entry in 0 until number(directory, 2)) {
        val start = directory + 2 + 12 * entry
        if (start > tiff.size) break
        if (number(start, 2).toInt() != ORIENTATION) continue
        val value = number(start + 8, 2).toInt()
        return if (number(start + 2, 2).toInt() == SHORT && value in 1..8) value else 1
    }
    return 1
}

private fun unsigned(
    data: ByteArray,
    place: Int,
) = if (place < data.size) data[place].toInt() and 0xFF else -1
