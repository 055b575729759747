package kerascnn.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.util.Date

class BenchmarkTest {
    @Test
    fun percentilesAreThoseOfNumpy() {
        val latency = Latency.of((10 downTo 1).map { it.toDouble() })
        assertEquals(Latency(runs = 10, median = 5.5, p90 = 9.1, minimum = 1.0), latency)
        assertEquals(Latency(1, 3.0, 3.0, 3.0), Latency.of(listOf(3.0)))
        assertThrows(IllegalArgumentException::class.java) { Latency.of(emptyList()) }
    }

    /** tests/test_android_demo.py reads this file as `kerascnn report` does. */
    @Test
    fun aRealRunIsWrittenForThePythonSide() {
        val model = Fixtures.models.load(Fixtures.models.list().last())
        val result =
            OnnxRuntimeEngine(model, threads = 2).use { engine ->
                val classifier = Classifier(model.contract, engine)
                classifier.classify(Fixtures.decoded("digit_0.png"), Orientation.UPRIGHT)
                val latency = Latency.of(List(50) { classifier.time() })
                val version = engine.runtime.substringAfterLast(' ')
                val file = model.staged.file
                BenchmarkResult(
                    file,
                    model.staged.sha256,
                    "ONNX Runtime",
                    version,
                    engine.accelerator,
                    2,
                    latency,
                    coldStart = 12.5,
                    memory = 1L shl 26,
                    thermal = null,
                    refused = listOf("GPU: none here"),
                )
            }
        assertTrue(result.latency.minimum > 0 && result.latency.minimum <= result.latency.p90)
        val json = benchmarkJson(Device("a \"CPU\"", 2, "JVM"), Date(1_700_000_000_000), listOf(result))
        assertTrue(json.contains("2023-11-14T22:13:20+00:00"))
        File("target/benchmark.json").writeText(json)
    }
}
