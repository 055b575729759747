package kerascnn.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.nio.ByteBuffer

class LadderTest {
    private val contract = Fixtures.models.contract(Fixtures.models.list().first())

    @Test
    fun aRungThatFailsAtItsFirstRunIsClosedAndSaid() {
        val gpu = FakeEngine(Accelerator.GPU) { throw IllegalStateException("driver: shader 3\nat 0x1") }
        val cpu = FakeEngine(Accelerator.CPU) {}
        val chosen = firstThatRuns("x", contract, listOf(Rung(Accelerator.GPU) { gpu }, Rung(Accelerator.CPU) { cpu }))
        assertSame(cpu, chosen.engine)
        assertEquals(listOf("GPU: driver: shader 3"), chosen.refused)
        assertEquals(listOf(true, false), listOf(gpu.closed, cpu.closed))
    }

    @Test
    fun aLibraryThatIsNotInThisBuildIsNoCrash() {
        val rungs = listOf(Rung(Accelerator.CPU) { throw NoClassDefFoundError("ai/onnxruntime/OrtSession") })
        val error = assertThrows(Problem.NoEngine::class.java) { firstThatRuns("x.onnx", contract, rungs) }
        assertTrue(error.reasons.single().contains("OrtSession"))
    }

    private class FakeEngine(
        override val accelerator: Accelerator,
        private val act: () -> Unit,
    ) : InferenceEngine {
        var closed = false
        override val runtime = "fake 1"

        override fun run(
            input: ByteBuffer,
            output: ByteBuffer,
        ) = act()

        override fun close() {
            closed = true
        }
    }
}
