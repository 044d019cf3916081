#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what is learned from an upstream that finds a call too large: the
# group's calls are half as large from then on, in all workers; other groups,
# and other complaints, change nothing.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('learned sizes')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my @texts = map { "text $_" } 1 .. 32;
my $model = 0;

fail_conf($t, 'llm_batch_breaker failures=100 cooldown=1s;', workers => 2);
$t->run();

# status, what the upstream says, whether it is about the size

for (
	[ 413, 'Payload Too Large', 1 ],
	[ 400, 'batch size 32 > maximum allowed batch size 16', 1 ],
	[ 422, 'Batch Size 32 exceeds the limit', 1 ],
	[ 400, 'input must have at most 16 items', 1 ],
	[ 422, 'too many inputs', 1 ],
	[ 400, 'max_tokens_per_request exceeded', 1 ],
	[ 400, 'bad item', 0 ],
	[ 422, 'the input is too long', 0 ],
	[ 500, 'batch size', 0 ],
) {
	my ($status, $message, $learns) = @$_;
	my $name = "$status $message";
	my %body = (body => { model => 'm' . ++$model });
	my $size = $learns ? 16 : 32;

	# isolation may add a call for each request of the last minute

	$t->burst(60, $uri, sub ($i) {
		return { %{$body{body}}, input => "warm $i" }
	});

	my @r = failing($t, $mock, { status => $status,
		body => encode_json({ error => { message => $message } }) },
		\@texts, first => 1, %body);

	is_own_answer(\@r, "$name: all are answered");
	is(learned("m$model"), $learns ? 16 : 0, "$name: learned");

	@r = failing($t, $mock, {}, \@texts, %body);
	is_own_answer(\@r, "$name: then");
	is(sizes($mock), join(' ', 1, ($size) x (32 / $size)),
		"$name: calls from then on");
}

# again and again: half of the half, but never so few that merging would end

my %body = (body => { model => 'm1' });

failing($t, $mock, { status => 413 }, \@texts, first => 1, %body);
is(learned('m1'), 8, 'again: half of the half');

my @r = failing($t, $mock, {}, \@texts, %body);
is(sizes($mock), '1 8 8 8 8', 'again: calls');

$t->burst(200, $uri, sub ($i) { { model => 'm1', input => "warm $i" } });
@r = failing($t, $mock, { status => 413 }, [ @texts[0 .. 7] ], always => 1,
	%body);
is_own_answer(\@r, 'no call of several is small enough');

failing($t, $mock, { status => 413 }, [ @texts[0 .. 7] ], always => 1, %body)
	for 1 .. 2;
is(learned('m1'), 2, 'no call of several: the least');

@r = failing($t, $mock, {}, [ @texts[0 .. 3] ], %body);
is(sizes($mock), '1 2 2', 'no call of several: it is tried on');

# an array above what was learned is the client's own affair

my $r = $t->request({ uri => $uri,
	body => { model => 'm1', input => [ 'a', 'b', 'c' ] } });
is_own_answer($r, 'an array above it');
is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}", 'BYPASS item',
	'an array above it is passed through');

$t->done();


sub learned ($name) {
	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
	my ($group) = grep { $_->{name} eq ":$name" }
		@{$json->{zones}{llm}{groups}};

	return $group->{learned_size};
}
