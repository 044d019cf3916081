#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards merging of /v1/moderations, answered by place and without counts; an
# array of objects is one input, and is not merged.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge;

my $t = Test::LLMBatch->new('merging, moderations')->has('llm_batch');
my $mock = $t->backend();

for my $workers (1, 4) {
	merge_conf($t, $workers);
	$t->run();

	merges($t, $mock, '/v1/moderations', sub (@texts) {
		{ input => @texts > 1 ? \@texts : $texts[0] }
	});
	more($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub more ($workers) {
	my $uri = '/v1/moderations';

	my @r = meets($t, $mock, $uri, 'own ids',
		map { { input => "text $_" } } 1 .. 3);
	is(uniq(map { $_->{json}{id} } @r), 3, 'own ids');

	my $r = $t->request({ uri => $uri, body => { input => [
		{ type => 'text', text => 'a' },
		{ type => 'image_url', image_url => { url => 'http://a/b' } },
	] } });
	is_own_answer($r, 'several modalities');
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS item', 'several modalities: one input');

	# of Mistral

	$mock->as('mistral');
	meets($t, $mock, $_, "mistral $_", map {
		{ model => 'm', input => [ "a $_", "b $_" ] }
	} 1 .. 4) for $uri, '/v1/classifications';
	$mock->as('');
}
