#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of :predict of KServe's first protocol: instances may be any
# values, but only those that are alike share a call, and predictions go by
# place.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, kserve')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1/models/m:predict', sub (@texts) {
		{ instances => \@texts }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/v1/models/m:predict';

	meets($t, $mock, $uri, 'rows', map {
		{ instances => [ map { [ $_, 0.5, -1 ] } 1 .. $_ ] }
	} 1 .. 4);
	meets($t, $mock, $uri, 'objects', map {
		{ instances => [ { x => $_, y => [ "a $_" ] } ] }
	} 1 .. 4);
	meets($t, $mock, '/v1/models/m/versions/3:predict', 'a version',
		map { { signature_name => 's', instances => [ [ [ $_ ] ] ] } }
			1 .. 3);

	cuts($t, $mock, $uri, 'cut', { parameters => { a => 1 },
		instances => [ map { { x => $_ } } 1 .. 6 ] });

	# integers in rows of floats are floats

	meets($t, $mock, $uri, 'floats', map {
		{ instances => [ [ $_, 0.5 ], [ 0.25, $_ ] ] }
	} 1 .. 3);

	# servers make one array of all instances, of whatever type fits all

	for ([ 'texts', 1, 'a' ], [ 'floats', 1, 2.5 ], [ 'booleans', 1, \1 ],
		[ 'nulls', 1, undef ], [ 'lengths', [ 1, 2 ], [ 3 ] ],
		[ 'texts in rows', [ 1, 2 ], [ 1, 'a' ] ],
		[ 'floats in rows', [ 1, 2 ], [ 1, 2.5 ] ],
		[ 'names', { x => 1 }, { y => 1 } ],
		[ 'texts in members', { x => 1 }, { x => 'a' } ])
	{
		my ($name, $first, $other) = @$_;

		apart($t, $mock, "$name, beside others", map { {
			uri => $uri, body => { instances => [ $_ ] }
		} } ($first) x 3, $other);

		my $r = $t->request({ uri => $uri,
			body => { instances => [ $first, $other ] } });
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			'BYPASS item', "$name, of one client");
	}

	# a signature is one

	apart($t, $mock, 'another signature', map { {
		uri => $uri, body => { instances => [ $_ ],
			signature_name => $_ < 4 ? 'a' : 'b' }
	} } 1 .. 4);

	# columns go alone

	my $r = $t->request({ uri => $uri,
		body => { inputs => { x => [ 1 ] } } });
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS adapter', 'columns');
	is("$r->{status} $r->{json}{error}", '400 no input',
		'columns: the answer of the server');

	# another model, another call

	apart($t, $mock, 'another model', map { {
		uri => $_ < 4 ? $uri : '/v1/models/other:predict',
		body => { instances => [ $_ ] }
	} } 1 .. 4);
}
