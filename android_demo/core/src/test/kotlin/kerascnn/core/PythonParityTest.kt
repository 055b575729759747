package kerascnn.core

import ai.onnxruntime.OrtEnvironment
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import kotlin.math.abs

/** The JVM gives what Python gives, on files of every shape and orientation and a real model. */
class PythonParityTest {
    @Test
    fun everyOrientationIsRead() {
        for (number in 1..8) {
            assertEquals(Orientation.entries[number - 1], Fixtures.orientation("turned_$number.jpg"))
        }
        assertEquals(Orientation.UPRIGHT, Fixtures.orientation("large.png"))
    }

    @Test
    fun pixelsAreThoseOfPython() {
        assertEquals(20, Fixtures.pictures.size)
        for ((number, input) in Fixtures.inputs.withIndex()) {
            val resizer = Resizer(input)
            for (name in Fixtures.pictures) {
                val expected = Fixtures.levels(name, number)
                val found = resizer.levels(Fixtures.decoded(name), Fixtures.orientation(name))
                assertEquals(expected.size, found.size)
                val apart = expected.indices.maxOf { abs((expected[it].toInt() and 255) - (found[it].toInt() and 255)) }
                val most = if (name.endsWith(".jpg")) 1 else 0 // decoders of JPEG round differently
                assertTrue("$name to $input: $apart levels apart", apart <= most)
            }
        }
    }

    @Test
    fun theNewestFileThatTheAppSaysItRunsIsRun() {
        val environment = OrtEnvironment.getEnvironment()
        environment.createSession(Fixtures.pinned).use { assertEquals(setOf("x"), it.inputNames) }
    }

    @Test
    fun answersAreThoseOfPython() {
        val staged = Fixtures.models.list()
        assertEquals(listOf("float32", "int8_static"), staged.map { it.name.removePrefix("resnet8_") })
        for (model in staged) {
            val loaded = Fixtures.models.load(model)
            OnnxRuntimeEngine(loaded, threads = 1).use { engine ->
                val classifier = Classifier(loaded.contract, engine)
                for (name in Fixtures.pictures + Fixtures.digits) {
                    val found = classifier.classify(Fixtures.decoded(name), Fixtures.orientation(name)).answers
                    val expected = Fixtures.answers(model.file, name)
                    assertEquals("${model.file} on $name", expected.map { it.label }, found.map { it.label })
                    for ((wanted, answer) in expected.zip(found)) {
                        assertEquals(name, wanted.probability, answer.probability, 1e-3f)
                    }
                }
            }
        }
    }
}
