package Test::LLMBatch::Speed;

# Copyright (C) The ngx_http_llm_batch_module authors

# How slow this machine is just now, measured by a piece of work such as tests
# do: 1 is a processor of 2024 that has nothing else to do.  Time-outs grow with
# it, and loads shrink; what is asserted does not change.

use v5.36;

use Digest::SHA qw/ sha1 /;
use Exporter qw/ import /;
use List::Util qw/ max min /;
use Time::HiRes qw/ time /;

use Test::LLMBatch::JSON;

our @EXPORT_OK = qw/ scaled slow /;

# seconds that the work takes there

my $usual = 0.01;
my $factor;


# what time-outs are multiplied with

sub slow { return _factor() * ($ENV{LLMB_SLOW} || 1) }

# how many of n requests, or other things to do, take as long as n there

sub scaled($n, $least = int $n / 3) { return max($least, int($n / _factor())) }

sub _factor {
	my $work = sub { (sort { $a <=> $b } map { _work() } 1 .. 5)[2] };

	return $factor //= max(1, min(20, $work->() / $usual));
}

sub _work {
	my $start = time();
	my $body = { model => 'm', input => [ map { "text $_" } 1 .. 100 ] };

	for my $i (1 .. 50) {
		my $text = encode_json($body);
		my $n = 0;

		$n += length sha1("$i $_") for @{decode_json($text)->{input}};
		$text =~ s/text/word/g;
	}

	return time() - $start;
}

1;
