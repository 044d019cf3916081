#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of texts that models of Vertex AI embed: each instance has its
# own parameters, what is paid for is shared out, and models that take one
# instance are left alone.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, vertex')->has('llm_batch');
my $mock = $t->backend();

my $models = '/v1/projects/p/locations/l/publishers/google/models';

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, "$models/text-embedding-005:predict",
		sub (@texts) {
			{ instances => [ map { { content => $_ } } @texts ] }
		});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub of ($n, %more) {
	return { instances => [ map { {
		content => "text $n $_", %more } } 1 .. $n ] };
}

sub more ($workers) {
	my $uri = "$models/text-multilingual-embedding-002:predict";

	my @r = meets($t, $mock, $uri, 'own parameters', of(1), of(2,
		task_type => 'RETRIEVAL_QUERY'), of(3, title => 't',
		task_type => 'RETRIEVAL_DOCUMENT'));
	is_deeply([ map { scalar @{$_->{json}{predictions}} } @r ],
		[ 1 .. 3 ], 'own parameters: each has its own');
	cuts($t, $mock, $uri, 'cut', of(6));

	apart($t, $mock, 'other parameters', map { { uri => $uri, body => {
		%{of(1)}, parameters => { outputDimensionality =>
			$_ < 4 ? 4 : 6 } } } } 1 .. 4);
	apart($t, $mock, 'another model', map { { body => of(1), uri =>
		$_ < 4 ? $uri : "$models/textembedding-gecko\@003:predict" } }
		1 .. 4);

	# one instance at a time, or other instances

	for (
		[ 'one at a time', 'adapter',
			"$models/gemini-embedding-001:predict", of(1) ],
		[ 'images', 'adapter', "$models/imagen-4:predict",
			{ instances => [ { prompt => 'a cat' } ] } ],
		[ 'no content', 'item', $uri,
			{ instances => [ { prompt => 'a cat' } ] } ],
	) {
		my ($name, $reason, $path, $body) = @$_;
		my $r = $t->request({ uri => $path, body => $body });
		is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
			"BYPASS $reason", $name);
	}

	# what the server says of the size of calls is learned

	for my $what ('', ', learned') {
		$mock->reset();
		$mock->script(vertex_items => 4);
		@r = $t->plugged($mock, [ map { { uri => $uri,
			body => of(1) } } 1 .. 12 ]);
		is_own_answer(\@r, "fewer instances$what");
	}

	is(sizes($mock), '1 4 4 4', 'fewer instances, learned: calls');
	$mock->reset();
}
