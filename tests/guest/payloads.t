#!/usr/bin/perl
# Runs the guest payloads on vmm and compares their transcripts with tests/guest/expected/NAME.txt: on the PC, and as
# flat binaries without devices (-flat). With QEMU installed its TCG runs the same image as a second opinion.
#
# In an expected file a line beginning with '#' is a comment. `# QEMU: text` after a line says what QEMU prints
# in its place ("-" alone: QEMU prints no such line), and the comment beside it names the manual section that
# decides. `; vmm: options` and `; qemu: options` in the head of the payload add options; `; qemu skip: why` leaves
# QEMU out, `; flat skip: why` the flat run, `; limited kvm skip: why` a KVM that is not complete (docs/kvm.md).
#
# VMM_PAYLOADS="a b" runs only those; VMM_ENGINES="interp kvm" on these engines [interp, and kvm where it can be used];
# VMM_QEMU=0 leaves QEMU out.
use strict;
use warnings;
use File::Temp qw(tempdir);

my $build = $ENV{VMM_BUILD} // 'build';
my $images = "$build/tests/guest";
my $dir = tempdir(CLEANUP => 1);
my $timeout = 20;
my ($qemu) = grep { -x } map { "$_/qemu-system-x86_64" } split /:/, $ENV{PATH};
undef $qemu if ($ENV{VMM_QEMU} // '1') eq '0';

sub slurp
{
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    my $text = <$file> // '';
    return $text;
}

# The transcripts that are expected of vmm and of QEMU.
sub expected
{
    my ($name) = @_;
    my (@vmm, @qemu);
    for my $line (split /\n/, slurp("tests/guest/expected/$name.txt")) {
        if ($line =~ /^# QEMU: (.*)/) {
            pop @qemu;
            push @qemu, $1 if $1 ne '-';
        } elsif ($line !~ /^#/) {
            push @vmm, $line;
            push @qemu, $line;
        }
    }
    return (join("\n", @vmm, ''), join("\n", @qemu, ''));
}

# Runs one program on an image; returns transcript and exit status ('timeout' if it did not end).
sub run
{
    my ($program, @options) = @_;
    my $transcript = "$dir/transcript";
    unlink $transcript;
    my @command = ('timeout', '-k', '1', $timeout, $program, '-display', 'none', '-monitor', 'none', '-serial',
                   'none', '-m', '16', '-no-reboot', '-debugcon', "file:$transcript", '-device',
                   'isa-debug-exit,iobase=0xf4,iosize=0x04', @options);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        exec @command or exit 127;
    }
    waitpid $pid, 0;
    my $status = $? >> 8;
    return (slurp($transcript), $status == 124 ? 'timeout' : $status);
}

sub differences
{
    my ($want, $got) = @_;
    my @want = split /\n/, $want;
    my @got = split /\n/, $got;
    my $text = '';
    for my $i (0 .. ($#want > $#got ? $#want : $#got)) {
        my ($w, $g) = ($want[$i] // '(end)', $got[$i] // '(end)');
        $text .= "#   want $w\n#   got  $g\n" if $w ne $g;
    }
    return $text;
}

my $number = 0;
sub check
{
    my ($title, $want, $transcript, $status) = @_;
    my $good = $transcript eq $want && $status eq '1';
    printf "%sok %d - %s\n", $good ? '' : 'not ', ++$number, $title;
    return if $good;
    print differences($want, $transcript);
    print "#   exit status $status\n" if $status ne '1';
    print map { "#   $_\n" } split /\n/, slurp("$dir/log");
}

my @names = $ENV{VMM_PAYLOADS} ? split(' ', $ENV{VMM_PAYLOADS})
                               : map { m{([^/]+)\.asm$} } sort glob 'tests/guest/*.asm';
my $doctor = `$build/vmm -doctor 2>$dir/log`;
my $usable = $doctor =~ /^  KVM class: (limited|full) /m;
my $limited = $doctor =~ /^  KVM class: limited /m;
my @engines = split ' ', $ENV{VMM_ENGINES} // ($usable ? 'interp kvm' : 'interp');
my @drivers = (['vmm', '-bios'], ['vmm -flat', '-flat']);
print '1..', (@drivers * @engines + 1) * @names, "\n";

# One payload on each driver and engine of vmm.
sub check_vmm
{
    my ($name, $source, $want) = @_;
    my ($options) = $source =~ /^; vmm: (.*)/m;
    for my $engine (@engines) {
        for my $driver (@drivers) {
            my $title = "$name on $driver->[0]" . ($engine eq 'interp' ? '' : ", $engine");
            if (($driver->[1] eq '-flat' && $source =~ /^; flat skip: (.*)/m) ||
                ($engine ne 'interp' && $limited && $source =~ /^; limited kvm skip: (.*)/m)) {
                printf "ok %d - %s # SKIP %s\n", ++$number, $title, $1;
                next;
            }
            check($title, $want, run("$build/vmm", '-accel', $engine, $driver->[1], "$images/$name.bin",
                                     split(' ', $options // '')));
        }
    }
}

for my $name (@names) {
    my $source = slurp("tests/guest/$name.asm");
    my ($qemu_options) = $source =~ /^; qemu: (.*)/m;
    my ($want, $want_qemu) = expected($name);
    my $image = "$images/$name.bin";
    check_vmm($name, $source, $want);
    if (!$qemu) {
        printf "ok %d - %s on QEMU # SKIP not installed\n", ++$number, $name;
        next;
    }
    if ($source =~ /^; qemu skip: (.*)/m) {
        printf "ok %d - %s on QEMU # SKIP %s\n", ++$number, $name, $1;
        next;
    }
    check("$name on QEMU", $want_qemu,
          run($qemu, '-bios', $image, '-accel', 'tcg', '-net', 'none', split(' ', $qemu_options // '')));
}
