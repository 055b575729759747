package kerascnn.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import java.io.File
import java.io.FileNotFoundException

class ContractTest {
    private val staged = Fixtures.models.list().last()
    private val metadata: Map<String, Any?> = tree(Json.read(open(staged.metadata).reader().readText()))

    @Test
    fun aRealMetadataSaysWhatTheModelTakesAndGives() {
        val contract = Fixtures.models.contract(staged)
        assertEquals(PictureInput("image", ElementType.UINT8, 32, 32, 1, ResizeRule.STRETCH), contract.input)
        assertEquals((0..9).map { "$it" }, contract.output.labels)
        assertEquals(ElementType.UINT8, contract.output.type)
        assertTrue(contract.output.quantization!!.scale > 0)
        assertEquals("static_wi8_ai8", contract.recipe)
        assertTrue(contract.checks.isNotEmpty() && contract.checks.all { it.passed })
        assertEquals(staged.sha256, contract.sha256)
    }

    @Test
    fun aNewerContractIsNamedWithTheOneThisAppKnows() {
        val error = refused(metadata + ("contract" to KNOWN_CONTRACT + 1)) as Problem.NewerContract
        assertEquals(listOf(2, 1), listOf(error.found, error.known))
    }

    @Test
    fun everyFieldThatIsMissingIsNamed() {
        for (name in listOf(
            "contract",
            "model",
            "recipe",
            "sha256",
            "bytes",
            "inputs",
            "outputs",
            "accuracy",
            "checks",
        )) {
            assertTrue("$name", refused(metadata - name) is Problem.UnreadableMetadata)
            assertTrue("$name", refused(metadata - name).message!!.contains(name))
        }
        assertTrue(refused("[]") is Problem.UnreadableMetadata)
        assertTrue(refused("{") is Problem.UnreadableMetadata)
    }

    @Test
    fun whatIsNoClassifierOfPicturesIsRefused() {
        val cases =
            listOf(
                "inputs" to mapOf("values" to "what the model takes: normalize as it was trained"),
                "inputs" to mapOf("shape" to listOf(1, 32, 32, 7)),
                "inputs" to mapOf("resize" to "by some other rule"),
                "inputs" to mapOf("dtype" to "int16"),
                "inputs" to mapOf("height" to -5),
                "outputs" to mapOf("meaning" to "numbers"),
                "outputs" to mapOf("scale" to null),
                "outputs" to mapOf("labels" to listOf("one", "two")),
                "outputs" to mapOf("shape" to listOf(1, 8, 8, 3)),
            )
        for ((ends, change) in cases) {
            val end = tree((metadata[ends] as List<*>).single()) + change
            assertTrue("$change", refused(metadata + (ends to listOf(end))) is Problem.NotAClassifier)
        }
        val input = (metadata["inputs"] as List<*>).single()
        assertTrue(refused(metadata + ("inputs" to listOf(input, input))) is Problem.NotAClassifier)
    }

    @Test
    fun aShorterSideAndItsMiddleAreRead() {
        val words = "bilinear to a shorter side of %d, half-pixel centers, aspect kept; then the middle height x width"
        val end = tree((metadata["inputs"] as List<*>).single())

        fun told(side: Int) = metadata + ("inputs" to listOf(end + ("resize" to words.format(side))))
        val input = Contract.read("m.tflite", Json.write(told(40))).input
        assertEquals(ResizeRule.MIDDLE to 40, input.resize to input.shorterSide)
        assertTrue(refused(told(31)) is Problem.NotAClassifier)
    }

    @Test
    fun aFileThatChangedIsNotRun() {
        val changed = StagedModels { name -> if (name == staged.file) "other".byteInputStream() else open(name) }
        val error = assertThrows(Problem.ChangedFile::class.java) { changed.load(staged) }
        assertEquals(staged.sha256, error.expected)
        val gone = StagedModels { name ->
            if (name ==
                staged.file
            ) {
                throw FileNotFoundException()
            } else {
                open(name)
            }
        }
        assertThrows(Problem.ChangedFile::class.java) { gone.load(staged) }
    }

    @Test
    fun anEmptyOrBrokenFolderIsSaid() {
        assertThrows(Problem.NoModels::class.java) { StagedModels { throw FileNotFoundException() }.list() }
        assertThrows(Problem.NoModels::class.java) { StagedModels { "{\"models\":[]}".byteInputStream() }.list() }
        assertThrows(Problem.UnreadableMetadata::class.java) { StagedModels { "{}".byteInputStream() }.list() }
    }

    private fun refused(metadata: Any) =
        assertThrows(Problem::class.java) { Contract.read("x.json", metadata as? String ?: Json.write(metadata)) }

    private fun open(name: String) =
        File(System.getProperty("fixtures"), "models/$name")
            .inputStream()

    private fun tree(value: Any?) = (value as Map<*, *>).mapKeys { it.key as String }
}
