#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards vllm_chat_batch: conversations of several clients go to
# /v1/chat/completions/batch, unless that turns out not to be there.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, chat')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => 'vllm_chat_batch');
	$t->run();

	merges($t, $mock, '/v1/chat/completions', sub (@texts) {
		of(@texts)
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of (@texts) {
	return { model => 'm', max_tokens => 8, temperature => 0,
		messages => [ { role => 'system', content => 'be brief' },
			map { { role => 'user', content => $_ } } @texts ] };
}

sub more ($workers) {
	my $uri = '/v1/chat/completions';

	my @r = meets($t, $mock, $uri, 'own answers',
		map { of("text $_") } 1 .. 5);
	is(($mock->calls())[-1]{uri}, "$uri/batch", 'own answers: the path');
	is(uniq(map { $_->{json}{id} } @r), 5, 'own answers: own ids');
	is(join(' ', uniq map { $_->{json}{choices}[0]{index} } @r), '0',
		'own answers: indexes');

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => "$uri?a=b",
		body => of("text $_") } } 1 .. 3 ]);
	is(($mock->calls())[-1]{uri}, "$uri/batch?a=b", 'arguments are kept');

	# what the endpoint does not do goes alone

	for ({ stream => \1 }, { n => 2 }, { tools => [ {} ] },
		{ tool_choice => 'auto' }, { request_id => 'a' })
	{
		my $r = $t->request({ uri => $uri,
			body => { %{of('a')}, %$_ } });
		is($r->{headers}{'x-status'}, 'BYPASS', (keys %$_)[0]);
	}

	# a bad conversation

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri, body => of($_) } }
		'a', 'POISON', 'c' ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is($r[1]{status}, 400, 'a bad one');

	# it would answer these otherwise if it were asked for ids

	for my $name ('logprobs', 'logprobs again') {
		my @r = meets($t, $mock, $uri, $name, map {
			{ %{of("text $_")}, logprobs => \1, top_logprobs => 1 }
		} 1 .. 3);
		like($r[0]{body}, qr/"text of/, "$name: texts");
	}

	# others are asked for

	meets($t, $mock, $uri, $_, map { { %{of("text $_")},
		logprobs => \0, seed => 1 } } 1 .. 3) for 'ids', 'ids again';
	like(($mock->calls())[-1]{body}, qr/"return_token_ids":true/,
		'ids again: they are asked for');

	# a server without the endpoint; another model may have it

	absent($uri, $_, "model $workers $_") for 404, 405;

	# under "auto" each goes alone

	is_off($t, $uri, of('text')) if $workers == 1;
}

sub absent ($uri, $status, $model) {
	my @requests = map { { uri => $uri,
		body => { %{of("text $_")}, model => $model } } } 1 .. 4;

	$mock->reset();
	$mock->script(absent => $status);

	my @r = $t->plugged($mock, \@requests);
	is_own_answer(\@r, "$status: all are answered");
	is(join(' ', map { $_->{items} } $mock->calls()), '1 4 1 1 1 1',
		"$status: individually");

	# for good: nobody waits for the one that is under way

	$mock->reset();
	$mock->script(absent => $status);
	$mock->next({ hold => 1 });

	my $plug = $t->client()->start($requests[0]);
	wait_for { $mock->count() == 1 };

	@r = $t->client()->finish($t->client()->start(@requests));
	is_own_answer(\@r, "$status, again: all are answered");

	$mock->release();
	is_own_answer([ $t->client()->finish($plug) ],
		"$status, again: that one, too");
	is((grep { $_->{uri} =~ /batch/ } $mock->calls()), 0,
		"$status, again: it is not asked for");
	is(join(' ', uniq map { $_->{headers}{'x-reason'} // '' } @r),
		'adapter', "$status, again: reason");

	$mock->reset();
}
