#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the catalogue's limits: an item beyond the model's own goes alone, so
# that it gets the upstream's answer without harm to others, and a call has no
# more items or tokens than the model takes.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('catalogue limits')->has('llm_batch')->plan(10);

$t->write_file('models.json', <<'EOF');
{"models": [
  {"match": "tiny-*", "provider": "p", "max_input_tokens": 4, "max_items": 3},
  {"match": "narrow", "provider": "p", "max_call_tokens": 10}
]}
EOF

my $location = <<'EOF';
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_size 64;
    llm_batch_max_wait 20s;
    proxy_pass http://backend;
}
EOF

$t->conf($location, http => "llm_batch_models $t->{dir}/models.json;");

my $mock = $t->backend();

$t->run();

sub of ($model, $input) {
	return { uri => '/v1/embeddings',
		body => { model => $model, input => $input } };
}

sub why ($r) {
	return join ' ', map { $_ // '' }
		@{$r->{headers}}{qw/ x-status x-reason /};
}

is(why($t->request(of('tiny-1', [ 1 .. 4 ]))), 'SINGLE ', 'at the limit');
is(why($t->request(of('tiny-1', [ 1 .. 5 ]))), 'BYPASS tokens',
	'beyond the limit');
is(why($t->request(of('tiny-1', [ [ 1 ], [ 1 .. 5 ] ]))), 'BYPASS tokens',
	'one of two beyond the limit');
is(why($t->request(of('other', [ 1 .. 5 ]))), 'SINGLE ', 'another model');

my @r = $t->plugged($mock, [ map { of('tiny-1', [ $_ ]) } 1 .. 7 ]);
is_own_answer(\@r, 'max_items: own answers');
is((grep { $_->{items} > 3 } $mock->calls()), 0, 'max_items');

$mock->reset();
@r = $t->plugged($mock, [ map { of('narrow', [ 1 .. 4 ]) } 1 .. 6 ]);
is_own_answer(\@r, 'max_call_tokens: own answers');
is((grep { $_->{items} > 2 } $mock->calls()), 0, 'max_call_tokens');

# a broken catalogue

for (
	[ '{"models": [{"match": "a",}]}', qr/models\.json.*(?:line |:)1\b/s ],
	[ '{"models": [{"match": 1}]}', qr/models\.json.*match/s ],
) {
	my ($json, $message) = @$_;

	$t->write_file('models.json', $json);
	my ($rc, $out) = $t->check_conf();
	ok($rc == 1 && $out =~ $message, "refused: $json") or diag($out);
}

$t->done();
