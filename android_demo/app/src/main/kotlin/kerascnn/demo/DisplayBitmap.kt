package kerascnn.demo

import android.graphics.Bitmap
import android.graphics.Matrix

private const val LONGEST_SIDE = 1024f

/** The picture upright, and no larger than a screen shows. */
fun displayBitmap(picture: Picture): Bitmap {
    val bitmap = picture.bitmap
    val scale = minOf(1f, LONGEST_SIDE / maxOf(bitmap.width, bitmap.height))
    val orientation = picture.orientation
    val matrix = Matrix()
    if (orientation.transposed) matrix.setValues(floatArrayOf(0f, 1f, 0f, 1f, 0f, 0f, 0f, 0f, 1f))
    matrix.postScale(
        if (orientation.columnsReversed) -scale else scale,
        if (orientation.rowsReversed) -scale else scale,
    )
    bitmap.isPremultiplied = true // a screen draws no other
    return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, matrix, true)
}
