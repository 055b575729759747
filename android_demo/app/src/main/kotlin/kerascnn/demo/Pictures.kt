package kerascnn.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import kerascnn.core.Orientation
import kerascnn.core.PixelRows
import kerascnn.core.Problem
import java.io.File
import java.io.IOException

private const val MOST_PIXELS = 1L shl 25 // 134 MB decoded; larger pictures are halved
private const val MOST_BYTES = 1L shl 29
private const val FIRST_BYTES = 1 shl 20 // EXIF stands in front

/** A decoded picture; [halved]: how often each side was halved to fit into memory. */
class Picture(
    val bitmap: Bitmap,
    val orientation: Orientation,
    val halved: Int,
) {
    /** The stored pixels, as the network's resizing takes them. */
    val rows: PixelRows get() = BitmapRows(bitmap)
}

/** The picture on the screen, kept as a file so that it outlives rotation and the process. */
class Pictures(
    context: Context,
) {
    private val resolver = context.contentResolver
    private val file = File(context.cacheDir, "picture")

    /** Whether a picture was kept. */
    val isKept get() = file.exists()

    /** Copies what [uri] leads to; another app's permission for it may end at any time. */
    fun keep(uri: Uri) {
        try {
            val stream = resolver.openInputStream(uri) ?: throw Problem.UnreadablePicture()
            stream.use { from -> file.outputStream().use { copy(from, it) } }
        } catch (_: IOException) {
            throw Problem.UnreadablePicture()
        } catch (_: SecurityException) {
            throw Problem.UnreadablePicture()
        }
    }

    /** Keeps a frame of the camera. */
    fun keep(bitmap: Bitmap) = file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }

    /** Decodes what was kept. Throws [Problem]. */
    fun decode(): Picture {
        val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(file.path, size)
        if (size.outWidth <= 0 || size.outHeight <= 0) throw Problem.UnreadablePicture()
        var halved = 0
        while ((size.outWidth.toLong() * size.outHeight) shr (2 * halved) > MOST_PIXELS) halved++
        val options =
            BitmapFactory.Options().apply {
                inSampleSize = 1 shl halved
                inPremultiplied = false // colours as they are stored, whatever their opacity
                inPreferredConfig = Bitmap.Config.ARGB_8888
                inScaled = false
            }
        val bitmap =
            try {
                BitmapFactory.decodeFile(file.path, options)
            } catch (_: OutOfMemoryError) {
                throw Problem.PictureTooLarge(size.outWidth, size.outHeight)
            }
        return Picture(bitmap ?: throw Problem.UnreadablePicture(), Orientation.of(firstBytes()), halved)
    }

    private fun firstBytes(): ByteArray {
        val bytes = ByteArray(minOf(file.length(), FIRST_BYTES.toLong()).toInt())
        file.inputStream().use { stream ->
            var read = 0
            while (read < bytes.size) {
                val more = stream.read(bytes, read, bytes.size - read)
                if (more < 0) break
                read += more
            }
        }
        return bytes
    }

    private fun copy(
        from: java.io.InputStream,
        to: java.io.OutputStream,
    ) {
        val part = ByteArray(1 shl 16)
        var total = 0L
        while (true) {
            val read = from.read(part)
            if (read < 0) return
            total += read
            if (total > MOST_BYTES) throw Problem.UnreadablePicture()
            to.write(part, 0, read)
        }
    }
}

/** A bitmap, a row at a time. */
class BitmapRows(
    private val bitmap: Bitmap,
) : PixelRows {
    override val width get() = bitmap.width
    override val height get() = bitmap.height

    override fun read(
        y: Int,
        row: IntArray,
    ) = bitmap.getPixels(row, 0, width, 0, y, width, 1)
}
