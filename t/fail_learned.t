#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what is learned from an upstream that finds a call too large: the
# group's calls are as large as it says, or half as large, from then on, in all
# workers; other groups, and other complaints, change nothing.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ max /;

use Test::LLMBatch;

use Test::LLMBatch::Fail;
use Test::LLMBatch::JSON;

my $t = Test::LLMBatch->new('learned sizes')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';
my @texts = map { "text $_" } 1 .. 32;
my $model = 0;

fail_conf($t, 'llm_batch_breaker failures=100 cooldown=1s;', workers => 2);
$t->run();

# status, what the upstream says, what is learned; so small a call may not be
# too large because of its tokens or bytes

@texts = map { $_ . ' word' x 50 } @texts;

for (
	[ 413, 'Payload Too Large', 'learned_bytes' ],
	[ 400, 'batch size 32 > maximum allowed batch size 8', learned_size => 8 ],
	[ 422, 'Batch Size 32 exceeds the limit', learned_size => 16 ],
	[ 400, 'input must have at most 4 items', learned_size => 4 ],
	[ 422, 'too many inputs', learned_size => 16 ],
	[ 400, 'max_tokens_per_request exceeded', 'learned_tokens' ],
	[ 400, 'bad item' ],
	[ 422, 'the input is too long' ],
	[ 500, 'batch size' ],
) {
	my ($status, $message, $what, $size) = @$_;
	my $name = "$status $message";
	my %body = (body => { model => 'm' . ++$model });

	$size //= $what ? 16 : 32;

	my @r = failing($t, $mock, { status => $status,
		body => encode_json({ error => { message => $message } }) },
		\@texts, first => 1, %body);

	is_own_answer(\@r, "$name: all are answered");

	my %learned = learned("m$model");
	is(join(' ', grep { $learned{$_} } sort keys %learned), $what // '',
		"$name: learned");

	@r = failing($t, $mock, {}, \@texts, %body);
	is_own_answer(\@r, "$name: then");

	if (($what // '') =~ /tokens|bytes/) {
		cmp_ok(max(split / /, sizes($mock)), '<=', 17,
			"$name: calls from then on");
	} else {
		is(sizes($mock), join(' ', 1, ($size) x (32 / $size)),
			"$name: calls from then on");
	}
}

# again and again: half of the half, but never so few that merging would end

my %body = (body => { model => 'm3' });
my %many = (status => 422, body => '{"error":"batch size"}');

failing($t, $mock, { %many }, \@texts, first => 1, %body);
is({ learned('m3') }->{learned_size}, 8, 'again: half of the half');

$model++;
%body = (body => { model => "m$model" });
my @r = failing($t, $mock, { max_items => 4 }, \@texts, always => 1, %body);
is_own_answer(\@r, 'again: all are answered');
is({ learned("m$model") }->{learned_size}, 4, 'again: as it says');

@r = failing($t, $mock, {}, \@texts, %body);
is(sizes($mock), join(' ', 1, (4) x 8), 'again: calls');

$model++;
%body = (body => { model => "m$model" });
@r = failing($t, $mock, { %many }, [ @texts[0 .. 7] ], always => 1, %body);
is_own_answer(\@r, 'no call of several is small enough');
is({ learned("m$model") }->{learned_size}, 2, 'no call of several: the least');

@r = failing($t, $mock, {}, [ @texts[0 .. 3] ], %body);
is(sizes($mock), '1 2 2', 'no call of several: it is tried on');

# an array above what was learned is cut

my $r = $t->request({ uri => $uri,
	body => { %{$body{body}}, input => [ 'a', 'b', 'c' ] } });
is_own_answer($r, 'an array above it');
is(sizes($mock), '1 2 2 2 1', 'an array above it is cut');

$t->done();


sub learned ($name) {
	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
	my ($group) = grep { $_->{name} eq ":$name" }
		@{$json->{zones}{llm}{groups}};

	return map { $_ => $group->{$_} } grep { /^learned/ } keys %$group;
}
