package kerascnn.demo

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.os.Bundle
import android.os.Looper
import kerascnn.core.Answer
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.File
import java.util.concurrent.Executor
import kotlin.math.abs

private const val PHONE = "w360dp-h640dp-hdpi"
private const val MOST = 0.002 // of all levels: what another rasterizer makes of the edges of letters

/** Each screen as it is drawn, against the picture of it in android_demo/screens. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = PHONE)
class ScreenshotTest {
    @Before
    fun runAtOnce() {
        Background.executor = Executor { it.run() }
    }

    @Test
    fun classify() = compare("classify", labelled())

    @Test
    @Config(qualifiers = "w360dp-h640dp-night-hdpi")
    fun classifyInTheDark() = compare("classify_dark", labelled())

    @Test
    @Config(qualifiers = "de-$PHONE")
    fun failureInGerman() {
        val share = Intent(Intent.ACTION_SEND).putExtra(Intent.EXTRA_STREAM, Expected.shared("x.jpg", ByteArray(9)))
        compare("failure_german", Robolectric.buildActivity(ClassifyActivity::class.java, share).setup().get())
    }

    @Test
    fun benchmark() {
        val state = Bundle()
        state.putString("figures", "{}")
        state.putString(
            "message",
            RuntimeEnvironment.getApplication().getString(
                R.string.measured,
                "resnet8_int8_static.tflite",
                "LiteRT 2.16.1 CPU",
                2,
                0.123,
                0.145,
                50,
                8.5,
                61.2,
                "none",
            ),
        )
        BenchmarkRun.restore(state)
        compare("benchmark", Robolectric.buildActivity(BenchmarkActivity::class.java).setup().get())
    }

    @Test
    fun about() = compare("about", Robolectric.buildActivity(AboutActivity::class.java).setup().get())

    private fun labelled(): Activity {
        Pictures(RuntimeEnvironment.getApplication()).keep(Expected.shared("digit_3.png"))
        val state = Bundle()
        val answers = Expected.answers("resnet8_int8_static.tflite", "digit_3.png")
        ShownAnswers(
            answers.map { (label, probability) -> Answer(label, probability) },
            "",
            RuntimeEnvironment.getApplication().getString(R.string.latency, 0.12, 0.34),
            "resnet8_int8_static\nLiteRT 2.16.1 on CPU\nNot on GPU: this build has no GPU library",
        ).save(state)
        return Robolectric.buildActivity(ClassifyActivity::class.java).setup(state).get()
    }

    private fun compare(
        name: String,
        activity: Activity,
    ) {
        org.robolectric.Shadows
            .shadowOf(android.os.Looper.getMainLooper())
            .idle()
        val page = activity.window.decorView
        val drawn = Bitmap.createBitmap(page.width, page.height, Bitmap.Config.ARGB_8888)
        page.draw(Canvas(drawn))
        val folder = File("target/screens").apply { mkdirs() }
        File(folder, "$name.png").outputStream().use { drawn.compress(Bitmap.CompressFormat.PNG, 100, it) }
        val golden = BitmapFactory.decodeFile("../screens/$name.png")
        assertTrue("screens/$name.png is missing; app/target/screens has it", golden != null)
        val apart = difference(drawn, golden)
        assertTrue("$name: $apart of all levels differ; look at app/target/screens/$name.png", apart <= MOST)
    }

    private fun difference(
        one: Bitmap,
        other: Bitmap,
    ): Double {
        if (one.width != other.width || one.height != other.height) return 1.0
        val pixels = IntArray(one.width * one.height)
        val others = IntArray(pixels.size)
        one.getPixels(pixels, 0, one.width, 0, 0, one.width, one.height)
        other.getPixels(others, 0, one.width, 0, 0, one.width, one.height)
        var sum = 0L
        for (i in pixels.indices) {
            for (shift in 0..16 step 8) sum += abs((pixels[i] ushr shift and 255) - (others[i] ushr shift and 255))
        }
        return sum / (3.0 * 255 * pixels.size)
    }
}
