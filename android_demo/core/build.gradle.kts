plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    jvmToolchain(17)
    compilerOptions.allWarningsAsErrors = true
}

dependencies {
    compileOnly(libs.onnxruntime)
    testImplementation(libs.onnxruntime)
    testImplementation(libs.junit)
}

tasks.test {
    systemProperty("fixtures", rootDir.resolve("target/fixtures").path)
}
