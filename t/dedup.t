#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards llm_batch_dedup: equal items of one tenant are sent once, and each
# client gets its own answer all the same; it is off by default, and nothing is
# ever shared between tenants.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ sum0 uniq /;

use Test::LLMBatch;
use Test::LLMBatch::Merge qw/ merge_conf sizes /;

my $t = Test::LLMBatch->new('equal items')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

# so long that the tokens of one are enough for all who sent it: nobody is told
# less than a token for an item

my $long = 'with some more words in it ' x 12;

for my $workers (1, 4) {
	merge_conf($t, $workers, adapter => join(' ', qw/ openai_embeddings
		ollama_embed tei_embed cohere_embed gemini_embed
		openai_completions rerank /), server => <<'EOF');
location /once/ {
    llm_batch_dedup on;
    proxy_pass http://backend/;
}
location /once/shared/ {
    llm_batch_dedup on;
    llm_batch_tenant shared;
    proxy_pass http://backend/;
}
location /once/six/ {
    llm_batch_dedup on;
    llm_batch_max_size 6;
    proxy_pass http://backend/;
}
EOF
	$t->run();

	once($workers);
	tenants($workers);
	formats($workers);
	failures($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub at ($where, $headers, @inputs) {
	return map { { uri => "$where$uri", headers => $headers,
		body => { model => 'm', input => $_ } } } @inputs;
}

sub statuses (@r) { return join ' ', map { $_->{headers}{'x-status'} } @r }

sub copies { return $t->metric('llm_batch_dedup_items_total') // 0 }

sub once ($workers) {
	my ($a, $b, $c) = map { "$_ $long" } qw/ a b c /;

	# off unless it is asked for

	$mock->reset();
	my @r = $t->plugged($mock, [ at('', {}, ($a) x 4) ]);
	is_own_answer(\@r, 'off');
	is(sizes($mock), '1 4', 'off: all are sent');
	is(statuses(@r), 'MERGED MERGED MERGED MERGED', 'off: status');

	# single ones

	my $before = copies();

	$mock->reset();
	@r = $t->plugged($mock, [ at('/once', {}, $a, $b, $a, $a, $c) ]);
	is_own_answer(\@r, 'equal ones');
	is(sizes($mock), '1 3', 'equal ones: sent once');
	is(statuses(@r), 'MERGED MERGED DEDUP DEDUP MERGED',
		'equal ones: status') if $workers == 1;
	is((grep { $_->{headers}{'x-status'} eq 'DEDUP' } @r), 2,
		'equal ones: two were not sent');
	is(usage_sum(@r), Test::LLMBatch::Server::tokens_of($a, $b, $c),
		'equal ones: the parts add up to what was counted');
	is(copies() - $before, 2, 'equal ones: counted');

	# arrays, with equal ones in them

	$mock->reset();
	@r = $t->plugged($mock, [ at('/once', {}, [ $a, $a, $b ], [ $b, $c ],
		$a, [ $c, $b, $a ]) ]);
	is_own_answer(\@r, 'arrays');
	is(sizes($mock), '1 3', 'arrays: sent once');

	# in any order, and as base64

	$mock->reset();
	$mock->script(many => { order => 'shuffle' });
	@r = map { $_->{body}{encoding_format} = 'base64'; $_ }
		at('/once', {}, $a, [ $b, $a ], $b, $c);
	@r = $t->plugged($mock, \@r);
	is_own_answer(\@r, 'shuffled');
	is(sizes($mock), '1 3', 'shuffled: sent once');

	# tokens

	$mock->reset();
	@r = $t->plugged($mock, [ at('/once', {}, [ 1, 2 ], [ [ 1, 2 ], [ 3 ] ],
		[ 12 ]) ]);
	is((grep { @{$_->{json}{data}} } @r), 3, 'tokens');
	is(sizes($mock), '1 3', 'tokens: sent once');

	# equal in meaning only is not equal

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => "/once$uri",
		body => qq!{"model":"m","input":$_}! } }
		'"a ' . $long . '"', '"\u0061 ' . $long . '"' ],
		like => (at('/once', {}, 'plug'))[0]);
	is_own_answer(\@r, 'escapes');
	is(sizes($mock), '1 2', 'escapes: both are sent');

	# all the same

	$mock->reset();
	@r = $t->plugged($mock, [ at('/once', {}, ($a) x 20) ]);
	is_own_answer(\@r, 'all the same');
	is(sizes($mock), '1 1', 'all the same: one item');

	# cut

	$mock->reset();
	my ($r) = $t->request((at('/once/six', {}, [ ($a, $b) x 10 ]))[0]);
	is_own_answer($r, 'cut');
	is($r->{status}, 200, 'cut: status');

	# under load

	$mock->reset();
	$mock->script(delay => 0.004);
	my $load = $t->load(clients => 16, requests => 320,
		uri => "/once$uri", body => sub ($i) {
			return { model => 'm', input =>
				[ map { "load $_ $long" } $i % 3 .. $i % 5 + 2 ] }
		});
	is($load->{ok}, 320, 'load: own answers') or diag($load->{wrong}[0]{problem});
	$mock->reset();
}

sub tenants ($workers) {
	my $text = "the same $long";
	my @keys = map { { Authorization => "Bearer $_" } } 1 .. 2;

	$mock->reset();
	my @r = $t->plugged($mock, [ map { (at('/once', $keys[$_ > 3], $text)) }
		1 .. 4 ], queued => 3);
	is_own_answer(\@r, 'tenants');
	is(join(' ', sort map { "$_->{headers}{authorization} $_->{items}" }
		$mock->calls()), join(' ', ('Bearer 1 1') x 2, 'Bearer 2 1'),
		'tenants: each its own call');

	# who may share a call need not know what the others send

	$mock->reset();
	@r = $t->plugged($mock, [ map { (at('/once/shared', $keys[$_ % 2],
		$text)) } 1 .. 4 ]);
	is_own_answer(\@r, 'one tenant, two keys');
	is(sizes($mock), '1 4', 'one tenant, two keys: all are sent');
	is(statuses(@r), join(' ', ('MERGED') x 4),
		'one tenant, two keys: nobody learns of another');

	$mock->reset();
	@r = $t->plugged($mock, [ map { (at('/once/shared', $keys[0],
		$text)) } 1 .. 4 ]);
	is_own_answer(\@r, 'one tenant, one key');
	is(sizes($mock), '1 1', 'one tenant, one key: sent once');
}

sub formats ($workers) {
	for (
		[ '/api/embed', '1 1', { model => 'm', input => "x $long" } ],
		[ '/embed', '1 1', { inputs => "x $long" } ],
		[ '/v2/embed', '1 1', { input_type => 'search_query',
			texts => [ "x $long" ] } ],
		[ '/v1beta/models/m:embedContent', '1 1',
			{ content => { parts => [ { text => "x $long" } ] } } ],

		# what may be answered differently, and documents of a question

		[ '/v1/completions', '1 3', { prompt => "x $long" } ],
		[ '/v1/rerank', '1 3', { query => 'q',
			documents => [ "x $long" ] } ],
	) {
		my ($where, $sizes, $body) = @$_;

		$mock->reset();
		my @r = $t->plugged($mock, [ map { { uri => "/once$where",
			body => $body } } 1 .. 3 ]);
		is_own_answer(\@r, $where);
		is(sizes($mock), $sizes, "$where: items");
	}
}

sub failures ($workers) {
	my $text = "a $long";

	# a bad one that two have sent, and a third one

	$mock->reset();
	my @r = $t->plugged($mock, [ at('/once', {}, 'POISON', $text, 'POISON',
		$text) ]);
	is_own_answer([ @r[1, 3] ], 'a bad one: the others');
	is(join(' ', map { $_->{status} } @r[0, 2]), '400 400', 'a bad one');

	# the answer has as many as were meant, not as were sent

	for my $how ({ count => 1 }, { index => 'foreign' }) {
		$mock->reset();
		$mock->script(many => $how);
		@r = $t->plugged($mock, [ at('/once', {}, $text, "b $long",
			$text) ]);
		is_own_answer(\@r, "wrong answers: @{[ %$how ]}");
		is(sizes($mock), '1 2 1 1 1', "wrong answers: @{[ %$how ]}, calls");
	}

	$mock->reset();
}
