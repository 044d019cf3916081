#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the split: an answer with the wrong items is never delivered, not even
# in part, since nobody can tell whose they are; an answer that only looks
# unusual is.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('wrong answers')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

fail_conf($t, 'llm_batch_breaker failures=100 cooldown=1s;');
$t->run();

# name, script, kind of mismatch, reason if it is not "mismatch"

my @wrong = (
	[ 'one too few', { count => -1 }, 'count' ],
	[ 'one too many', { count => 1 }, 'count' ],
	[ 'none', { body => '{"object":"list","data":[],"model":"m"}' },
		'count' ],
	[ 'duplicate index', { index => 'duplicate' }, 'index' ],
	[ 'foreign index', { index => 'foreign' }, 'index' ],
	[ 'negative index', { index => 'negative' }, 'index' ],
	[ 'no index', { index => 'missing' }, 'index' ],
	[ 'not JSON', { junk => 1 }, 'json' ],
	[ 'no list', { body => '{"object":"list","model":"m"}' }, 'shape' ],
	[ 'an error with status 200', { body => '{"error":{"message":"no"}}' },
		'shape' ],
	[ 'an array', { body => '[[0.1],[0.2]]' }, 'shape' ],
	[ 'empty', { body => '' }, 'truncated', 'truncated' ],
	[ 'a content coding', { gzip => 1 }, 'encoding' ],
);
my %count;

for (@wrong) {
	my ($name, $how, $kind, $reason) = @$_;

	warm_up($t, $mock);
	my @r = failing($t, $mock, $how, \@texts, always => 1);

	is_own_answer(\@r, "$name: all get their own");
	is(sizes($mock), '1 8' . ' 1' x 8, "$name: individually");
	is(headers('x-status', @r), 'FALLBACK', "$name: status");
	is(headers('x-reason', @r), $reason // 'mismatch', "$name: reason");
	$count{$kind}++;
}

for (sort keys %count) {
	$t->metric_is(qq!llm_batch_mismatch_total{kind="$_"}!, $count{$_});
}

# unusual, and right

my @right = (
	[ 'reversed', { order => 'reverse' } ],
	[ 'shuffled', { order => 'shuffle' } ],
	[ 'chunked', { chunked => 1 } ],
	[ 'byte by byte', { bytewise => 1 } ],
	[ 'byte by byte, chunked', { bytewise => 1, chunked => 1 } ],
	[ 'without keepalive', { keepalive => 0 } ],
	[ 'a large one', { size => 1_000_000 } ],
	[ 'another type', { type => 'application/json; charset=utf-8' } ],
);

for (@right) {
	my ($name, $how) = @$_;
	my @r = failing($t, $mock, $how, \@texts, always => 1);

	if ($name eq 'a large one') {
		$_->{body} =~ s/ +\}$/}/ for @r;
	}

	is_own_answer(\@r, "$name: all get their own");
	is(sizes($mock), '1 8', "$name: at once");
}

$t->done();
