package kerascnn.demo

import android.graphics.Bitmap
import android.net.Uri
import kerascnn.core.Problem
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.ByteArrayOutputStream
import java.io.FileNotFoundException

@RunWith(RobolectricTestRunner::class)
class PicturesTest {
    private val pictures = Pictures(RuntimeEnvironment.getApplication())

    @Test
    fun aPictureOfOnePixelIsAPicture() {
        pictures.keep(Expected.shared("dot.png"))
        assertEquals(1 to 1, pictures.decode().rows.let { it.width to it.height })
    }

    @Test
    fun aPictureOfAHundredMegapixelsIsHalvedUntilItFits() {
        pictures.keep(Expected.shared("huge.png", png(10_000, 10_000)))
        val picture = pictures.decode()
        assertEquals(1, picture.halved)
        assertEquals(5_000 to 5_000, picture.bitmap.width to picture.bitmap.height)
    }

    @Test
    fun theColourBelowOpacityIsTheStoredOne() {
        val bitmap = Bitmap.createBitmap(2, 2, Bitmap.Config.ARGB_8888)
        bitmap.isPremultiplied = false
        bitmap.eraseColor(0x10C86432)
        val content = ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
        pictures.keep(Expected.shared("clear.png", content.toByteArray()))
        val row = IntArray(2)
        pictures.decode().rows.read(0, row)
        assertEquals("c86432", "%06x".format(row[0] and 0xFFFFFF))
    }

    @Test
    fun whatIsGoneOrForbiddenIsUnreadable() {
        val resolver = shadowOf(RuntimeEnvironment.getApplication().contentResolver)
        for (error in listOf(SecurityException("not yours"), FileNotFoundException())) {
            val uri = Uri.parse("content://other/${error.javaClass.simpleName}")
            resolver.registerInputStreamSupplier(uri) { throw error }
            assertThrows(Problem.UnreadablePicture::class.java) { pictures.keep(uri) }
        }
    }

    /** A grey PNG of one bit a pixel, which is small however many there are. */
    private fun png(
        width: Int,
        height: Int,
    ): ByteArray {
        val out = ByteArrayOutputStream()
        val image = java.awt.image.BufferedImage(width, height, java.awt.image.BufferedImage.TYPE_BYTE_BINARY)
        javax.imageio.ImageIO.write(image, "png", out)
        return out.toByteArray()
    }
}
