#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of the /v2/embed of Cohere: an array for each type of
# embedding, and the texts once more, each client's part of all of them.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, cohere')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v2/embed', sub (@texts) {
		{ model => 'm', input_type => 'search_query',
			texts => \@texts }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/v2/embed';
	my %all = (model => 'm', input_type => 'search_document');

	my @r = meets($t, $mock, $uri, 'several types', map { {
		%all, texts => [ map { "text $_" } 1 .. $_ ],
		embedding_types => [ qw/ float int8 ubinary base64 / ],
	} } 1 .. 4);
	is_deeply([ map { scalar @{$_->{json}{embeddings}{ubinary}} } @r ],
		[ 1 .. 4 ], 'several types: each has its own');
	is(uniq(map { $_->{json}{id} } @r), 4, 'several types: own ids');

	cuts($t, $mock, $uri, 'cut, several types', { %all,
		texts => [ map { "text $_" } 1 .. 6 ],
		embedding_types => [ qw/ binary float base64 / ] });

	# images go alone

	my $r = $t->request({ uri => $uri, body => { %all,
		images => [ 'data:image/png;base64,AAAA' ] } });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS adapter', 'images');

	$r = $t->request({ uri => $uri, body => { %all,
		inputs => [ { content => [ { type => 'image_url',
			image_url => { url => 'data:image/png;base64,AAAA' }
		} ] } ] } });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS adapter', 'inputs that are images');

	# a path of two formats, told by what is there though it is empty

	$r = $t->request({ uri => '/v1/embed', body => { %all,
		texts => [] } });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS item', 'version 1: no texts');

	# inputs in parts

	meets($t, $mock, $uri, 'inputs', map { {
		%all, inputs => [ map { { content => [ { type => 'text',
			text => "text $_" } ] } } 1 .. $_ ],
	} } 1 .. 4);
	cuts($t, $mock, $uri, 'cut, inputs', { %all,
		inputs => [ map { { content => [ { type => 'text',
			text => "text $_" } ] } } 1 .. 6 ] });

	# version 1, without types and with them

	@r = meets($t, $mock, '/v1/embed', 'version 1', map { {
		%all, texts => [ map { "text $_" } 1 .. $_ ]
	} } 1 .. 4);
	is_deeply([ map { scalar @{$_->{json}{embeddings}} } @r ], [ 1 .. 4 ],
		'version 1: each has its own');
	meets($t, $mock, '/v1/embed', 'version 1, types', map { {
		%all, texts => [ map { "text $_" } 1 .. $_ ],
		embedding_types => [ qw/ float int8 / ],
	} } 1 .. 4);
	cuts($t, $mock, '/v1/embed', 'cut, version 1', { %all,
		texts => [ map { "text $_" } 1 .. 6 ] });
	apart($t, $mock, 'version 1, with a type and without', map { {
		uri => '/v1/embed', body => { %all, texts => [ "text $_" ],
			$_ < 4 ? () : (embedding_types => [ 'float' ]) }
	} } 1 .. 4);

	# another input_type, another call

	apart($t, $mock, 'another input_type', map { {
		uri => $uri, body => { %all, texts => [ "text $_" ],
			$_ < 4 ? () : (input_type => 'search_query') }
	} } 1 .. 4);
}
