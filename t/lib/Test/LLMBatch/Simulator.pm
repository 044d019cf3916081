package Test::LLMBatch::Simulator;

# Copyright (C) The ngx_http_llm_batch_module authors

# Runs llm-batch-sim, which is built if need be.

use v5.36;

use Cwd qw/ abs_path /;
use Exporter qw/ import /;
use File::Temp qw/ tempdir /;
use FindBin;

use Test::LLMBatch::JSON;

our @EXPORT = qw/ simulate simulated trace_file /;

my $dir = tempdir(CLEANUP => 1);
my $command = build();


# the path of a file with this text, or with data as JSON

sub trace_file($content, $name = 'trace.json') {
	$content = encode_json($content) if ref $content;
	open my $fh, '>', "$dir/$name" or die "$dir/$name: $!\n";
	print $fh $content;
	close $fh;

	return "$dir/$name";
}


# exit code, output, errors; names of files in these are without a directory

sub simulate(@arguments) {
	my $pid = fork // die "fork: $!\n";

	if (!$pid) {
		open STDOUT, '>', "$dir/out";
		open STDERR, '>', "$dir/err";
		exec $command, @arguments or exit 127;
	}

	waitpid $pid, 0;
	my $code = $? & 127 ? "signal $?" : $? >> 8;

	return ($code, map { s/\Q$dir\E\///gr } slurp("$dir/out"),
		slurp("$dir/err"));
}


# the report as data; dies of an error

sub simulated(@arguments) {
	my ($code, $out, $err) = simulate('--json', @arguments);
	die "llm-batch-sim: exit code $code: $err\n" if $code ne '0' || $err;

	return decode_json($out);
}


sub slurp($file) {
	open my $fh, '<', $file or die "$file: $!\n";
	local $/;
	return scalar(<$fh>) // '';
}


sub build {
	my $top = abs_path("$FindBin::Bin/..");

	# a make that runs the tests is not this one's business

	delete local @ENV{qw/ MAKEFLAGS MAKELEVEL MFLAGS /};

	my $path = `make -s -C $top llm-batch-sim`;
	chomp $path;
	die "llm-batch-sim was not built\n" unless -x $path;

	return $path;
}

1;
