package kerascnn.demo

import android.content.Context
import android.os.Build
import android.os.Debug
import android.os.PowerManager
import kerascnn.core.Accelerator
import kerascnn.core.BenchmarkResult
import kerascnn.core.Classifier
import kerascnn.core.Device
import kerascnn.core.Latency
import kerascnn.core.Orientation
import kerascnn.core.PixelRows
import kerascnn.core.StagedModel
import kerascnn.core.StagedModels

private const val RUNS = 50
private const val SIDE = 64 // of the picture it runs on
private const val WARM_UP = 10
private const val MINUTE = 60_000_000_000L

/** What is measured: [minutes] of runs one after another, or, with 0, fifty runs. */
data class Setting(
    val model: StagedModel,
    val threads: Int,
    val accelerator: Accelerator,
    val minutes: Int,
)

/** Measures on this device; [isStopped] is asked between two runs. */
class Benchmark(
    private val context: Context,
    private val isStopped: () -> Boolean,
) {
    /** Measures one setting, on a picture of noise. Throws [kerascnn.core.Problem]. */
    fun run(
        models: StagedModels,
        setting: Setting,
    ): BenchmarkResult {
        val loaded = models.load(setting.model)
        val begin = System.nanoTime()
        val chosen = Engines.open(loaded, setting.threads, setting.accelerator)
        return chosen.engine.use { engine ->
            val classifier = Classifier(loaded.contract, engine)
            classifier.classify(noise(), Orientation.UPRIGHT)
            val coldStart = (System.nanoTime() - begin) / 1e6
            repeat(WARM_UP) { classifier.time() }
            val (times, minutes) = times(classifier, setting.minutes)
            BenchmarkResult(
                setting.model.file,
                setting.model.sha256,
                engine.runtime.substringBeforeLast(' '),
                engine.runtime.substringAfterLast(' '),
                engine.accelerator,
                setting.threads,
                Latency.of(times),
                coldStart,
                Debug.getPss() * 1024,
                thermalState(),
                chosen.refused,
                minutes,
            )
        }
    }

    private fun times(
        classifier: Classifier,
        minutes: Int,
    ): Pair<List<Double>, List<Double>> {
        if (minutes == 0) return List(RUNS) { classifier.time() } to emptyList()
        val times = ArrayList<Double>()
        val medians = ArrayList<Double>()
        repeat(minutes) {
            val begin = System.nanoTime()
            val first = times.size
            while (System.nanoTime() - begin < MINUTE && !isStopped()) times.add(classifier.time())
            if (times.size > first) medians.add(Latency.of(times.subList(first, times.size)).median)
        }
        return times.ifEmpty { listOf(classifier.time()) } to medians
    }

    private fun thermalState(): String? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) return null
        val power = context.getSystemService(PowerManager::class.java) ?: return null
        val states = listOf("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
        return states.getOrNull(power.currentThermalStatus)
    }

    private fun noise() =
        object : PixelRows {
            override val width = SIDE
            override val height = SIDE

            override fun read(
                y: Int,
                row: IntArray,
            ) = row.indices.forEach { x -> row[x] = (y * SIDE + x) * 7919 }
        }

    companion object {
        /** What this device calls itself. */
        fun device() =
            Device(
                if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
                    "${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}"
                } else {
                    Build.HARDWARE
                },
                Runtime.getRuntime().availableProcessors(),
                "Android ${Build.VERSION.RELEASE}, ${Build.MANUFACTURER} ${Build.MODEL}",
            )
    }
}
