#!/usr/bin/env bash
# The tests of the app, or with --apk the app itself; make test-android and make apk run it.
# Where a JDK, Maven or what they fetch is missing, it says so and passes over.
set -euo pipefail
cd "$(dirname "$0")"
python=${1:?the interpreter of .venv}
what=${2:-tests}
tools=(aapt zipalign apksigner android-framework-res zip)

pass_over() {
    echo "android_demo: $1; passed over"
    exit 0
}

for command in java javac mvn; do
    command -v "$command" > /dev/null || pass_over "needs a JDK of 17 or newer and Maven, $command is missing"
done
java=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = //p')
[ "${java%%.*}" -ge 17 ] || pass_over "needs a JDK of 17 or newer, got $java"
if ! dpkg -s "${tools[@]}" > /dev/null 2>&1; then
    install="apt-get install ${tools[*]}"
    [ "$(id -u)" = 0 ] || pass_over "needs Debian's Android tools: $install"
    { apt-get update && apt-get install -y "${tools[@]}"; } > /dev/null 2>&1 \
        || pass_over "Debian's Android tools cannot be fetched: $install"
fi
junit=$(sed -n 's:.*<junit.version>\(.*\)</junit.version>.*:\1:p' pom.xml)
mvn -q -B -ntp -N dependency:get -Dartifact="junit:junit:$junit" > /dev/null 2>&1 \
    || pass_over "Maven cannot fetch junit $junit, nor what else it needs"

mvn -q -B -ntp process-classes
if [ "$what" = --apk ]; then
    ./build_apk.sh
    exit
fi
library=libraries/target/unpacked/tensorflow-lite/jni/x86_64/libtensorflowlite_jni.so
if [ "$(uname -sm)" = "Linux x86_64" ] && command -v gcc > /dev/null; then
    "$python" litert_on_jvm/prepare.py "$library" target/litert
else
    echo "android_demo: without gcc on x86-64 Linux, what needs LiteRT is passed over"
fi
"$python" fixtures.py > target/fixtures.log 2>&1 || { cat target/fixtures.log; exit 1; }
mvn -q -B -ntp -P lint test
./build_apk.sh
cd .. && "$python" -m pytest tests/test_android_demo.py
