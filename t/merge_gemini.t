#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of Gemini's :embedContent, sent as :batchEmbedContents, where
# each request has its own parameters, with clients of the latter among them.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, gemini')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1beta/models/m-1:embedContent', sub (@texts) {
		{ content => { parts => [ map { { text => $_ } } @texts ] } }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($text, %more) {
	return { content => { parts => [ { text => $text } ] }, %more };
}

sub more ($workers) {
	my $one = '/v1beta/models/m-1:embedContent';
	my $batch = '/v1beta/models/m-1:batchEmbedContents';
	my @more = ({}, { taskType => 'RETRIEVAL_QUERY' },
		{ taskType => 'RETRIEVAL_DOCUMENT', title => 'a "title"',
			outputDimensionality => 12 },
		{ title => 'b' });

	my @r = meets($t, $mock, $one, 'own parameters',
		map { of("text $_", %{$more[$_ % 4]}) } 1 .. 8);
	is(($mock->calls())[-1]{uri}, $batch, 'own parameters: the path');

	meets($t, $mock, $one, 'the model in the body',
		map { of("text $_", model => 'models/m-1') } 1 .. 3);

	meets($t, $mock, $batch, 'batches', map {
		my $i = $_;
		{ requests => [ map { of("text $i $_", %{$more[$_ % 4]},
			model => 'models/m-1') } 1 .. $i ] }
	} 1 .. 4);

	# a batch above 100

	$mock->reset();
	my $r = $t->request({ uri => $batch, body => { requests => [ map {
		of("text $_", model => 'models/m-1')
	} 1 .. 150 ] } });
	is_own_answer($r, 'above 100');
	cmp_ok((sort { $b <=> $a } map { $_->{items} } $mock->calls())[0],
		'<=', 100, 'above 100: it is cut');

	# counts, of a server that has them

	$mock->as('gemini_usage');
	@r = meets($t, $mock, $one, 'usage', map { of("text $_") } 1 .. 5);
	is(usage_sum(@r), 5 * 2, 'usage: the parts add up');
	$mock->as('');

	# one bad one

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $one, body => of($_) } }
		'a', 'POISON', 'c' ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is("$r[1]{status} $r[1]{json}{error}{status}",
		'400 INVALID_ARGUMENT', 'a bad one');
}
