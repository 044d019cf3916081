#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of the Open Inference Protocol, whose tensors are joined and
# cut along their first dimension, once the operator says that it counts items.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, oip')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => 'oip_v2');
	$t->run();

	merges($t, $mock, '/v2/models/m/infer', sub (@texts) {
		{ inputs => [ { name => 't', shape => [ scalar @texts ],
			datatype => 'BYTES', data => \@texts } ] }
	}, cut => 0);
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub tensor ($name, $shape, @data) {
	return { name => $name, shape => $shape, datatype => 'FP32',
		data => \@data };
}

sub more ($workers) {
	my $uri = '/v2/models/m/infer';

	my @r = meets($t, $mock, $uri, 'own ids', map { {
		id => "request $_", inputs => [
			tensor('x', [ $_, 3 ], map { $_ / 2 } 1 .. 3 * $_),
			tensor('z', [ $_ ], 1 .. $_) ],
	} } 1 .. 4);
	is(join(', ', map { $_->{json}{id} } @r),
		'request 1, request 2, request 3, request 4', 'own ids');
	is_deeply([ map { $_->{json}{outputs}[0]{shape} } @r ],
		[ map { [ $_, 2 ] } 1 .. 4 ], 'shapes');

	meets($t, $mock, $uri, 'nested', map { {
		inputs => [ tensor('x', [ $_, 2 ],
			map { [ $_, 0.25 ] } 1 .. $_) ],
		outputs => [ { name => 'label' } ],
	} } 1 .. 4);
	meets($t, $mock, '/v2/models/m/versions/7/infer', 'a version', map { {
		inputs => [ tensor('x', [ 1, 1 ], $_) ],
		parameters => { deep => 'x' },
	} } 1 .. 3);

	# other shapes are other calls

	apart($t, $mock, 'other shapes', map { { uri => $uri, body => {
		inputs => [ $_ < 4 ? tensor('x', [ 1, 2 ], $_, 2)
			: tensor('x', [ 1, 3 ], $_, 2, 3) ],
	} } } 1 .. 4);

	# sequences and binary data go alone

	for ({ sequence_id => 7 }, { binary_data_output => \1 }) {
		my $r = $t->request({ uri => $uri, body => {
			inputs => [ tensor('x', [ 1 ], 1) ], parameters => $_
		} });
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			'BYPASS adapter', (keys %$_)[0]);
	}

	# under "auto" each goes alone

	is_off($t, $uri, { inputs => [ tensor('x', [ 1 ], 1) ] }) if $workers == 1;
}
