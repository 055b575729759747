package kerascnn.demo

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.os.Looper
import android.widget.Button
import android.widget.Spinner
import android.widget.TextView
import kerascnn.core.Accelerator
import kerascnn.core.Json
import kerascnn.core.Problem
import kerascnn.core.StagedModels
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.util.concurrent.Executor

@RunWith(RobolectricTestRunner::class)
class OtherScreensTest {
    @Before
    fun runAtOnce() {
        Background.executor = Executor { it.run() }
    }

    @Test
    fun theMenuLeadsToTheModelThatIsChosen() {
        val activity = Robolectric.buildActivity(ClassifyActivity::class.java).setup().get()
        for ((item, screen) in listOf(R.id.about to "AboutActivity", R.id.benchmark to "BenchmarkActivity")) {
            shadowOf(activity).clickMenuItem(item)
            val started = shadowOf(activity).nextStartedActivity
            assertTrue(started.component!!.className.endsWith(screen))
            assertEquals("resnet8_int8_static", started.getStringExtra(ClassifyActivity.MODEL))
        }
    }

    @Test
    fun aboutSaysWhatTheMetadataSays() {
        val wanted = Intent().putExtra(ClassifyActivity.MODEL, "resnet8_float32")
        val activity = Robolectric.buildActivity(AboutActivity::class.java, wanted).setup().get()
        val metadata = activity.assets.open("resnet8_float32.tflite.json").use { it.reader().readText() }
        val facts = Json.read(metadata) as Map<*, *>
        val text = text(activity)
        assertEquals("resnet8_float32.tflite", activity.view<TextView>(R.id.title).text.toString())
        assertTrue(text, facts["sha256"] as String in text)
        assertTrue(text, "32 x 32 pixels, grey" in text)
        assertTrue(text, "98.47 %" in text)
        for (check in facts["checks"] as List<*>) assertTrue(text, (check as Map<*, *>)["name"] as String in text)
    }

    @Test
    fun aBenchmarkIsMeasuredSharedAndKept() {
        assumeLiteRt()
        val controller = Robolectric.buildActivity(BenchmarkActivity::class.java).setup()
        val activity = controller.get()
        activity.view<Spinner>(R.id.threads).setSelection(1)
        shadowOf(Looper.getMainLooper()).idle()
        activity.view<Button>(R.id.start).performClick()
        shadowOf(Looper.getMainLooper()).idle()
        assertTrue(text(activity), "LiteRT 2.16.1 CPU, threads: 2" in text(activity))
        activity.view<Button>(R.id.share).performClick()
        val chooser = shadowOf(activity).nextStartedActivity

        @Suppress("DEPRECATION")
        val shared = chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!.getStringExtra(Intent.EXTRA_TEXT)!!
        val timing = ((Json.read(shared) as Map<*, *>)["timings"] as List<*>).last() as Map<*, *>
        assertEquals("resnet8_int8_static.tflite", timing["file"])
        assertEquals(listOf(2.0, 50.0), listOf(timing["threads"], timing["runs"]))
        val before = text(activity)
        controller.recreate()
        assertEquals(before, text(controller.get()))
        assertTrue(controller.get().view<Button>(R.id.share).isEnabled)
    }

    @Test
    fun aSustainedRunThatIsStoppedKeepsWhatItMeasured() {
        assumeLiteRt()
        val application = RuntimeEnvironment.getApplication()
        val models = StagedModels { application.assets.open(it) }
        var left = 20
        val benchmark = Benchmark(application) { left-- <= 0 }
        val result = benchmark.run(models, Setting(models.list().first(), 1, Accelerator.CPU, minutes = 5))
        assertEquals(20, result.latency.runs)
        assertEquals(listOf(result.latency.median), result.minutes)
        assertTrue(result.coldStart > result.latency.minimum && result.latency.minimum > 0)
    }

    @Test
    fun whatThisBuildLacksIsSaidAndNotMeasuredOnAnotherAccelerator() {
        val activity = Robolectric.buildActivity(BenchmarkActivity::class.java).setup().get()
        activity.view<Spinner>(R.id.accelerator).setSelection(1)
        shadowOf(Looper.getMainLooper()).idle()
        activity.view<Button>(R.id.start).performClick()
        assertTrue(text(activity), "GPU: this build has no GPU library" in text(activity))
        assertEquals(activity.getString(R.string.start), activity.view<Button>(R.id.start).text)
    }

    @Test
    fun theCameraIsAskedForOnlyWhenItIsOpened() {
        assertEquals(
            null,
            shadowOf(Robolectric.buildActivity(ClassifyActivity::class.java).setup().get()).lastRequestedPermission,
        )
        val activity = Robolectric.buildActivity(CameraActivity::class.java).setup().get()
        val asked = shadowOf(activity).lastRequestedPermission
        assertNotNull(asked)
        assertEquals(listOf(Manifest.permission.CAMERA), asked.requestedPermissions.toList())
        activity.onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions, intArrayOf(-1))
        assertEquals(activity.getString(R.string.error_permission), text(activity))
        assertFalse(activity.view<Button>(R.id.use).isEnabled)
    }

    @Test
    @Config(qualifiers = "de")
    fun everyProblemHasWordsInGerman() = everyProblemHasWords("nicht|keine?|kennt|Nichts")

    @Test
    fun everyProblemHasWordsInEnglish() = everyProblemHasWords("not|No|knows|cannot|Nothing")

    private fun everyProblemHasWords(words: String) {
        val resources = RuntimeEnvironment.getApplication().resources
        val problems =
            listOf(
                Problem.NoModels(),
                Problem.NewerContract("x.json", 7, 1),
                Problem.UnreadableMetadata("x.json", "sha256: expected a text"),
                Problem.ChangedFile("x.tflite", "00", "11"),
                Problem.NotAClassifier("x.json", "takes 1x9"),
                Problem.NoEngine("x.onnx", listOf("CPU: no such library")),
                Problem.UnreadablePicture(),
                Problem.PictureTooLarge(12_000, 9_000),
            )
        val said = problems.map { it.localized(resources) }
        assertEquals(problems.size, said.toSet().size)
        for (text in said) assertTrue(text, Regex(words).containsMatchIn(text))
        assertTrue(said[1], "7" in said[1] && "1" in said[1])
        assertTrue(said[7], "12000" in said[7])
    }

    private fun text(activity: Activity) = activity.view<TextView>(R.id.message).text.toString()
}
