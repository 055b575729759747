package kerascnn.demo

import android.app.Activity
import android.content.Intent
import android.content.res.AssetManager
import android.os.Bundle
import android.os.Looper
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.Spinner
import android.widget.TextView
import kerascnn.core.ElementType
import kerascnn.core.Orientation
import kerascnn.core.PictureInput
import kerascnn.core.ResizeRule
import kerascnn.core.Resizer
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import java.util.concurrent.Executor
import kotlin.math.abs

private const val INT8 = 0
private const val FLOAT = 1
private val FILES = listOf("resnet8_int8_static.tflite", "resnet8_float32.tflite")

@RunWith(RobolectricTestRunner::class)
class ClassifyActivityTest {
    @Before
    fun runAtOnce() {
        Background.executor = Executor { it.run() }
        Labeller.close()
    }

    @After
    fun giveBack() {
        StagedAssets.open = AssetManager::open
        Labeller.close()
    }

    @Test
    fun galleryAsksForAPictureAndForNothingElse() {
        val activity = started().get()
        activity.view<Button>(R.id.gallery).performClick()
        val asked = shadowOf(activity).nextStartedActivityForResult.intent
        assertEquals(Intent.ACTION_GET_CONTENT to "image/*", asked.action to asked.type)
    }

    @Test
    fun fiftyDigitsAreLabelledAsInPython() {
        assumeLiteRt()
        for (model in listOf(INT8, FLOAT)) {
            val activity = started().get()
            activity.view<Spinner>(R.id.model).setSelection(model)
            shadowOf(Looper.getMainLooper()).idle()
            for (name in Expected.digits) {
                pick(activity, name)
                assertEquals(
                    "${FILES[model]}, $name",
                    Expected.answers(FILES[model], name)[0].first,
                    labels(activity)[0],
                )
            }
        }
    }

    @Test
    fun picturesOfEveryKindAreAnsweredAsInPython() {
        assumeLiteRt()
        val activity = started().get()
        activity.view<Spinner>(R.id.model).setSelection(FLOAT)
        shadowOf(Looper.getMainLooper()).idle()
        for (name in Expected.pictures) {
            pick(activity, name)
            val (label, probability) = Expected.answers(FILES[FLOAT], name)[0]
            assertEquals(name, label, labels(activity)[0])
            val shown = rows(activity)[0].view<ProgressBar>(R.id.bar).progress / 1000f
            assertTrue("$name: $shown, Python says $probability", abs(shown - probability) <= 0.002)
        }
    }

    @Test
    fun aSharedPictureIsLabelledAtOnce() {
        assumeLiteRt()
        val share = Intent(Intent.ACTION_SEND).setType("image/png")
        share.putExtra(Intent.EXTRA_STREAM, Expected.shared("digit_3.png"))
        val activity = started(share).get()
        assertEquals(Expected.answers(FILES[INT8], "digit_3.png")[0].first, labels(activity)[0])
        assertEquals(View.VISIBLE, activity.view<View>(R.id.picture).visibility)
        assertTrue(text(activity, R.id.engine), "LiteRT 2.16.1" in text(activity, R.id.engine))
        assertTrue(text(activity, R.id.engine), "GPU: this build has no GPU library" in text(activity, R.id.engine))
        assertTrue(
            text(activity, R.id.latency),
            Regex("\\d+\\.\\d\\d ms").containsMatchIn(text(activity, R.id.latency)),
        )
    }

    @Test
    fun rotationAndTheEndOfTheProcessLoseNothing() {
        assumeLiteRt()
        val controller = started()
        controller.get().view<Spinner>(R.id.model).setSelection(FLOAT)
        shadowOf(Looper.getMainLooper()).idle()
        pick(controller.get(), "digit_7.png")
        val before = said(controller.get())
        controller.recreate()
        assertEquals(before, said(controller.get()))
        assertEquals(FLOAT, controller.get().view<Spinner>(R.id.model).selectedItemPosition)

        val state = Bundle()
        controller
            .saveInstanceState(state)
            .pause()
            .stop()
            .destroy()
        Labeller.close()
        val again = Robolectric.buildActivity(ClassifyActivity::class.java).setup(state).get()
        assertEquals(before, said(again))
        assertEquals(View.VISIBLE, again.view<View>(R.id.picture).visibility)
    }

    @Test
    fun aPictureThatIsBeingLabelledWhileTheScreenTurnsIsLabelled() {
        assumeLiteRt()
        val waiting = ArrayDeque<Runnable>()
        Background.executor = Executor { waiting.add(it) }
        val controller = started()
        pick(controller.get(), "digit_5.png")
        waiting.removeFirst().run()
        pick(controller.get(), "digit_6.png")
        controller.recreate()
        while (waiting.isNotEmpty()) waiting.removeFirst().run()
        assertEquals(Expected.answers(FILES[INT8], "digit_6.png")[0].first, labels(controller.get())[0])
    }

    @Test
    fun anotherModelLabelsThePictureAnew() {
        assumeLiteRt()
        val activity = started().get()
        pick(activity, "turned_6.jpg")
        val first = said(activity)
        activity.view<Spinner>(R.id.model).setSelection(FLOAT)
        shadowOf(Looper.getMainLooper()).idle()
        assertTrue("resnet8_float32" in text(activity, R.id.engine))
        assertTrue(first != said(activity))
    }

    @Test
    fun aBrokenPictureIsSaidInWordsAndNothingElseIsShown() {
        val activity = started().get()
        pick(activity, "broken.jpg", "no picture at all".toByteArray())
        assertEquals(activity.getString(R.string.error_picture), text(activity, R.id.message))
        assertEquals(emptyList<String>(), labels(activity))
        pick(activity, "empty.png", ByteArray(0))
        assertEquals(activity.getString(R.string.error_picture), text(activity, R.id.message))
    }

    @Test
    fun aFileThatIsNotTheVerifiedOneIsRefusedAndTheNextOneRuns() {
        assumeLiteRt()
        changed(FILES[INT8]) { it.also { bytes -> bytes[bytes.size / 2] = (bytes[bytes.size / 2] + 1).toByte() } }
        val activity = started().get()
        pick(activity, "digit_3.png")
        assertEquals(activity.getString(R.string.error_changed, FILES[INT8]), text(activity, R.id.message))
        assertEquals(emptyList<String>(), labels(activity))
        activity.view<Spinner>(R.id.model).setSelection(FLOAT)
        shadowOf(Looper.getMainLooper()).idle()
        assertEquals(Expected.answers(FILES[FLOAT], "digit_3.png")[0].first, labels(activity)[0])
    }

    @Test
    fun aNewerContractIsRefusedWithTheWayOut() {
        val metadata = "${FILES[INT8]}.json"
        changed(metadata) { it.decodeToString().replace("\"contract\": 1", "\"contract\": 9").toByteArray() }
        val activity = started().get()
        pick(activity, "digit_3.png")
        assertEquals(activity.getString(R.string.error_contract, metadata, 9, 1), text(activity, R.id.message))
        assertEquals(emptyList<String>(), labels(activity))
    }

    @Test
    @Config(qualifiers = "de")
    fun germanIsSpoken() {
        val activity = started().get()
        assertEquals("Wählen Sie ein Bild, oder teilen Sie eines mit dieser App.", text(activity, R.id.message))
    }

    @Test
    fun talkBackReadsAnAnswerAsOneSentence() {
        assumeLiteRt()
        val activity = started().get()
        pick(activity, "digit_0.png")
        val (label, probability) = Expected.answers(FILES[INT8], "digit_0.png")[0]
        assertEquals("$label, %.1f percent".format(100 * probability), rows(activity)[0].contentDescription)
        for (id in listOf(R.id.picture, R.id.model)) {
            assertTrue(!activity.view<View>(id).contentDescription.isNullOrBlank())
        }
    }

    @Test
    fun aTurnedPictureIsShownUpright() {
        val pictures = Pictures(RuntimeEnvironment.getApplication())
        pictures.keep(Expected.shared("turned_1.jpg"))
        assertEquals(80 to 56, pictures.decode().let(::displayBitmap).let { it.width to it.height })
        for (number in 1..8) {
            pictures.keep(Expected.shared("turned_$number.jpg"))
            val picture = pictures.decode()
            val shown = displayBitmap(picture)
            val input = PictureInput(
                "x",
                ElementType.UINT8,
                shown.height,
                shown.width,
                3,
                ResizeRule.STRETCH,
            )
            val expected = Resizer(input).levels(picture.rows, picture.orientation)
            val found = Resizer(input).levels(BitmapRows(shown), Orientation.UPRIGHT)
            assertArrayEquals("orientation $number", expected, found)
        }
    }

    private fun changed(
        file: String,
        change: (ByteArray) -> ByteArray,
    ) {
        StagedAssets.open = { assets, name ->
            val bytes = assets.open(name).use { it.readBytes() }
            (if (name == file) change(bytes) else bytes).inputStream()
        }
    }

    private fun started(intent: Intent = Intent(Intent.ACTION_MAIN)): ActivityController<ClassifyActivity> =
        Robolectric.buildActivity(ClassifyActivity::class.java, intent).setup()

    private fun pick(
        activity: ClassifyActivity,
        name: String,
        content: ByteArray = Expected.file(name).readBytes(),
    ) {
        activity.view<Button>(R.id.gallery).performClick()
        val request = shadowOf(activity).nextStartedActivityForResult
        val answer = Intent().setData(Expected.shared(name, content))
        shadowOf(activity).receiveResult(request.intent, Activity.RESULT_OK, answer)
    }

    private fun rows(activity: Activity) =
        activity.view<LinearLayout>(R.id.answers).let { rows -> (0 until rows.childCount).map { rows.getChildAt(it) } }

    private fun labels(activity: Activity) = rows(activity).map { it.view<TextView>(R.id.label).text.toString() }

    private fun text(
        activity: Activity,
        id: Int,
    ) = activity.view<TextView>(id).text.toString()

    private fun said(activity: Activity) =
        rows(activity).map { it.contentDescription.toString() } + text(activity, R.id.latency) +
            text(activity, R.id.engine)
}
