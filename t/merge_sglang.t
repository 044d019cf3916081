#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of SGLang's /generate, off unless it is named, where parameters
# of sampling may differ from item to item.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, sglang')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => 'sglang_generate');
	$t->run();

	merges($t, $mock, '/generate', sub (@texts) {
		{ text => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/generate';

	my @r = meets($t, $mock, $uri, 'own parameters', map {
		{ text => $_ % 2 ? "text $_" : [ "a $_", "b $_" ],
			sampling_params => { temperature => $_,
				max_new_tokens => $_ } }
	} 1 .. 6);
	is(join(' ', map { ref $_->{json} } @r),
		'HASH ARRAY HASH ARRAY HASH ARRAY', 'each has its shape');

	meets($t, $mock, $uri, 'a list of parameters', map {
		{ text => [ "a $_", "b $_" ], sampling_params => [
			{ max_new_tokens => 1 }, { max_new_tokens => $_ } ] }
	} 1 .. 4);
	meets($t, $mock, $uri, 'ids', { input_ids => [ 1, 2 ] },
		{ input_ids => [ [ 3 ], [ 4, 5 ] ] }, { input_ids => [ [ 6 ] ] });

	cuts($t, $mock, $uri, 'cut, a list of parameters', {
		text => [ map { "text $_" } 1 .. 6 ],
		sampling_params => [ map { { max_new_tokens => $_ } } 1 .. 6 ],
	});
	cuts($t, $mock, $uri, 'cut, parameters of all', {
		input_ids => [ map { [ $_, 7 ] } 1 .. 6 ],
		sampling_params => { max_new_tokens => 3 },
	});

	# what may be given for each item, or is meant for one

	for ({ rid => 'a' }, { image_data => 'x' }, { lora_path => [ 'x' ] },
		{ stream => \1 })
	{
		my $r = $t->request({ uri => $uri,
			body => { text => 'a', %$_ } });
		is($r->{headers}{'x-status'}, 'BYPASS', (keys %$_)[0]);
	}

	# a bad one

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => { text => $_ } } } 'a', 'POISON', 'c' ]);
	is_own_answer([ @r[0, 2] ], 'a bad one: the others');
	is("$r[1]{status} $r[1]{json}{error}{message}",
		'400 bad item of 1', 'a bad one');

	# under "auto" each goes alone

	is_off($t, $uri, { text => 'a' }) if $workers == 1;
}
