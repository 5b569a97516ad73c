#!/usr/bin/expect -f
# An unmodified Debian 12 user space computes what the host computes: programs of our own (x87, SIMD, libm, signals,
# threads, ptrace), OpenSSL, Python's tests, gcc, compressors. VMM_PARTS="openssl gcc" runs these parts only,
# VMM_PYTHON="test_math" these modules of Python's tests.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set here [file dirname [file normalize [info script]]]
set kernel $build/guest-generic
if {![file exists $kernel/vmlinuz]} { exec scripts/make-guest --kernel generic $kernel 2>@1 }
set disk $build/userland/userland.img
if {![file exists $disk] && [catch {exec $here/make-userland $build/userland 2>@1} out]} { note $out }
if {![ok [file exists $disk] "disk image made of Debian's packages"]} { done }

# The second disk: programs, scripts and data.
set files $tmp/files
file mkdir $files
foreach file [glob $here/userland/*] { file copy $file $files }
# Includes are by path from the root of the sources.
file mkdir $files/tests/boot
file link -symbolic $files/tests/boot/userland ../..
foreach program {x87 simd libm process} {
    exec gcc -I. -O2 -Wall -static -pthread -o $files/$program $here/userland/$program.c -lm
}
exec sh -c "cat $here/../../accel/interp/*.c $vmm | head -c 1500000 >$files/data"
exec sh -c "cd $files && head -c 1000 data >small && xz -k data && zstd -q -k data -o data.zst"
exec sh -c "cd $files && openssl genrsa -out rsa.pem 2048 2>&1 && openssl dgst -sha256 -sign rsa.pem -out rsa.sig data
    openssl ecparam -name prime256v1 -genkey -noout -out ec.pem && openssl dgst -sha256 -sign ec.pem -out ec.sig data
    openssl pkey -in ec.pem -pubout -out ec.pub && openssl genpkey -algorithm ed25519 -out ed25519.pem
    openssl genpkey -algorithm x25519 -out x25519.pem && openssl genpkey -algorithm x25519 -out peer.pem
    openssl pkey -in peer.pem -pubout -out x25519-peer.pub"
set f [open $files/python-modules w]
puts $f [expr {[info exists env(VMM_PYTHON)] ? $env(VMM_PYTHON) :
"test_math test_cmath test_float test_complex test_decimal test_fractions test_statistics test_struct
test_long test_int test_random test_hashlib test_zlib test_bz2 test_lzma test_array test_binop test_pow test_numeric_tower
test_strtod test_bigmem test_memoryview test_hmac test_binascii test_bisect test_heapq test_sort"}]
close $f
exec sh -c "PATH=\$PATH:/sbin mke2fs -q -t ext2 -L files -d $files $tmp/files.img 40M 2>&1"

# Runs parts in a guest; each part's output goes to the array `guest`.
array set guest {}
proc run_guest {name parts seconds args} {
    global guest kernel disk tmp env
    set wanted {}
    foreach part $parts { if {![info exists env(VMM_PARTS)] || $part in $env(VMM_PARTS)} { lappend wanted $part } }
    if {![llength $wanted]} { return 0 }
    # Which of the two is sda is chance with Linux.
    set start "until%20test%20-e%20/dev/sdb;do%20sleep%200.1;done;mkdir%20/u;mount%20LABEL=userland%20/u"
    append start "&&mount%20LABEL=files%20/u/mnt&&sh%20/u/mnt/start"
    vmm_start {*}$args -snapshot -hda $disk -hdb $tmp/files.img -kernel $kernel/vmlinuz -initrd $kernel/initrd.gz \
        -append "console=ttyS0 quiet parts=[join $wanted ,] test=$start"
    set begin [clock seconds]
    set whole [wait_serial {\nEND} $seconds]
    set seconds [expr {[clock seconds] - $begin}]
    ok $whole "$name: all parts end"
    note "$name: $wanted: $seconds s, [format %.0f [cpu_seconds]] s of CPU"
    set text [string map {"\r" ""} [serial_text]]
    foreach part $wanted {
        set guest($part) "missing"
        regexp "\nBEGIN $part\n(.*)EXIT $part \[0-9\]+\n" $text -> guest($part)
    }
    vmm_quit
    return 1
}
# The same part on the host; what differs is shown.
proc as_on_host {part name} {
    global guest files tmp
    if {![info exists guest($part)]} { return }
    catch { exec sh -c "LC_ALL=C.UTF-8 bash $files/part-$part 2>&1; true" } out
    foreach {file text} [list host [string trimright $out] guest [string trimright $guest($part)]] {
        set f [open $tmp/$file w]; puts $f $text; close $f
    }
    set same [expr {![catch { exec diff $tmp/host $tmp/guest } difference]}]
    if {!$same} { note [string range $difference 0 3000] }
    ok $same "$name: as on the host ([llength [split $out \n]] lines)"
}

if {[run_guest default {programs lacking openssl compress gcc} 1500 -m 700]} {
    # The C library chooses by the CPU: the host must not have what the default model lacks.
    set env(GLIBC_TUNABLES) glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX
    as_on_host programs "x87, SSE, libm, processes"
    unset env(GLIBC_TUNABLES)
    if {[info exists guest(lacking)]} {
        ok [regexp {crypto: exit 132\n.*avx2: exit 132} $guest(lacking)] "lacking instructions end in SIGILL"
    }
    as_on_host openssl "OpenSSL"
    as_on_host compress "xz, zstd, gzip"
    as_on_host gcc "gcc"
}
if {[run_guest max {vector compress openssl keys} 1500 -m 700 -cpu max]} {
    as_on_host vector "-cpu max: AES, SHA, AVX2, libm with FMA"
    as_on_host compress "-cpu max: compressors"
    as_on_host openssl "-cpu max: OpenSSL"
    if {[info exists guest(keys)]} {
        note $guest(keys)
        ok [expr {[regexp -all {Verified OK} $guest(keys)] == 5}] "new RSA and EC keys verify"
        ok [regexp {RSA key ok} $guest(keys)] "a new RSA key is consistent"
        ok [regexp {speed: no error\n.*AES-256-GCM.*ChaCha20} $guest(keys)] "openssl speed ends without an error"
    }
}
if {[run_guest "four CPUs" {parallel} 1500 -m 700 -smp 4]} {
    set env(GLIBC_TUNABLES) glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX
    as_on_host parallel "-smp 4: threads, processes, compilers and compressors at once"
    unset env(GLIBC_TUNABLES)
}
if {[run_guest python {python} 3000 -m 1000]} {
    note [string range $guest(python) end-1500 end]
    ok [regexp {Result: SUCCESS} $guest(python)] "python3 -m test"
}
done
