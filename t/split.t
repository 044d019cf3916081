#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that a client's array above a limit is cut, sent in several calls, with
# other clients' items in them, and answered as one; that its errors are the
# upstream's, and that the limits an upstream complains of are learned.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ max sum0 /;

use Test::LLMBatch;
use Test::LLMBatch::Merge qw/ sizes /;

my $t = Test::LLMBatch->new('cutting of arrays')->has('llm_batch');
my $mock = $t->backend();
my $uri = '/v1/embeddings';

for my $workers (1, 4) {
	start($workers);

	limits($workers);
	many($workers);
	shared($workers);
	errors($workers);
	learned($workers);
	off($workers);

	$t->quit() if $workers == 1;
}

$t->done();


sub start ($workers) {
	$t->write_file('models.json',
		'{"models":[{"match":"ten","max_items":10}]}');
	$t->conf(<<'EOF', workers => $workers, http => 'llm_batch_models models.json;');
llm_batch zone=llm;
llm_batch_concurrency 1;
llm_batch_max_size 2048;
llm_batch_max_body 4m;
llm_batch_max_wait 20s;
llm_batch_split on max=400;
llm_batch_fallback_limit 1000%;
llm_batch_breaker failures=100 cooldown=1s;
client_max_body_size 8m;

location / {
    proxy_pass http://backend;
}
location /few/ {
    llm_batch_split on max=4;
    proxy_pass http://backend/;
}
location /tokens/ {
    llm_batch_max_tokens 40;
    proxy_pass http://backend/;
}
location /wide/ {
    llm_batch_concurrency 4;
    proxy_pass http://backend/;
}
location /off/ {
    llm_batch_split off;
    proxy_pass http://backend/;
}
EOF
	$t->run();
}

sub of ($input, %more) { return { model => 'm', input => $input, %more } }

# a model of which no more than ten items are taken

sub ten ($input, %more) { return of($input, model => 'ten', %more) }

sub texts ($name, $n) { return [ map { "$name $_" } 1 .. $n ] }

sub ask ($where, $body, %more) {
	return $t->client(timeout => 60)->request({ uri => $where,
		body => $body, %more });
}

sub largest { return max map { $_->{items} } $mock->calls() }

# in the configuration

sub limits ($workers) {
	$mock->reset();
	my $r = ask($uri, ten(texts('items', 35)));
	is_own_answer($r, 'items');
	is(sizes($mock), '10 10 10 5', 'items: calls');
	is($r->{json}{usage}{total_tokens},
		Test::LLMBatch::Server::tokens_of(@{texts('items', 35)}),
		'items: the sum of all tokens');

	$mock->reset();
	$r = ask("/tokens$uri", of([ map { [ 1 .. 15 ] } 1 .. 9 ]));
	is_own_answer($r, 'tokens');
	is(sizes($mock), '2 2 2 2 1', 'tokens: calls');

	# a single one that is above goes as it is, the others together

	$mock->reset();
	$r = ask("/tokens$uri", of([ [ 1 .. 15 ], [ 1 .. 50 ], [ 1 ] ]));
	is_own_answer($r, 'one above the tokens');
	is(sizes($mock), '1 2', 'one above the tokens: calls');

	# 32 items or 1,900,000 bytes, as the format says

	$mock->reset();
	$r = ask('/embed', { inputs => [ map { 'x' x 300_000 } 1 .. 10 ] });
	is_own_answer($r, 'bytes');
	is(sizes($mock), '6 4', 'bytes: calls');

	# variables and log

	like($r->{headers}{'x-status'}, qr/^(?:SINGLE|MERGED)$/, 'status');
}

# 5,000 texts to a server that takes 32

sub many ($workers) {
	my $body = { inputs => texts('many', 5000) };

	for my $where ('', '/wide') {
		$mock->reset();
		my $r = ask("$where/embed", $body);
		is_own_answer($r, "5000 texts$where");
		is(() = $mock->calls(), 157, "5000 texts$where: calls");
		is(largest(), 32, "5000 texts$where: the largest");
	}

	# a bad one in the middle

	$body->{inputs}[2499] = 'a POISON text';
	$mock->reset();

	my $r = ask('/embed', $body);
	is("$r->{status} $r->{json}{error}", '400 bad item of 32',
		'a bad one of 5000: the error of the upstream');
	cmp_ok(scalar(() = $mock->calls()), '<', 100,
		'a bad one of 5000: the rest is not sent');

	# a server that was started anew, and takes less now

	$body = { inputs => texts('less', 100) };
	$mock->reset();
	$mock->script(tei_items => 12);
	is_own_answer(ask('/embed', $body), 'a lower limit');

	$mock->reset();
	$mock->script(tei_items => 12);
	is_own_answer(ask('/embed', $body), 'a lower limit, again');
	is(sizes($mock), join(' ', (12) x 8, 4), 'a lower limit: learned');
	$mock->reset();
}

# other clients share the calls

sub shared ($workers) {
	$mock->reset();
	my @r = $t->plugged($mock, [
		{ uri => $uri, body => ten(texts('large', 25)) },
		map { { uri => $uri, body => ten("small $_") } } 1 .. 8,
	], queued => 11);

	is_own_answer(\@r, 'shared');

	my @calls = map { $_->{items} } $mock->calls();
	is(sum0(@calls), 1 + 25 + 8, 'shared: each item is sent once');
	cmp_ok(scalar @calls, '<=', 6, 'shared: calls') or diag("@calls");

	# under load, all clients with large arrays

	$mock->reset();
	$mock->script(delay => 0.002);
	my $load = $t->load(clients => 8, requests => 80, uri => $uri,
		body => sub ($i) { ten(texts("load $i", 1 + $i * 7 % 43)) });
	is($load->{ok}, 80, 'load: own answers') or diag($load->{wrong}[0]{problem});
	is($mock->items(), sum0(map { 1 + $_ * 7 % 43 } 0 .. 79),
		'load: each item is sent once');
	cmp_ok(largest(), '<=', 10, 'load: within the limit');

	# a client that leaves

	$mock->reset();
	$mock->next({ hold => 1 });
	ask($uri, ten(texts('gone', 100)), abort => 0.05);
	wait_for { $mock->count() == 1 };
	$mock->release();
	wait_for { ($t->metric('llm_batch_zone_requests') // 1) == 0 };
	cmp_ok($mock->count(), '<', 5, 'a client that left');
}

# an error is the answer to the whole request

sub errors ($workers) {
	for my $how ({ status => 401 }, { status => 404 }, { status => 400 },
		{ status => 429, headers => { 'Retry-After' => 70 } })
	{
		$mock->reset();
		$mock->script(%$how);
		my $r = ask($uri, ten(texts('error', 25),
			user => "$how->{status}"));
		is($r->{status}, $how->{status}, "error $how->{status}");
		cmp_ok($r->{time} // 60, '<', 20, 'at once');
		is($r->{headers}{'retry-after'}, 70, 'with its headers')
			if $how->{headers};
	}

	# what is under way of the others is given up

	$mock->reset();
	$mock->next(({ hold => 1 }) x 3, { status => 401 });
	my $body = { inputs => texts('given up', 128) };
	is(ask('/wide/embed', $body)->{status}, 401, 'an error in the last');
	ok(wait_for {
		ask('/embed', { inputs => 'next' });
		($mock->calls())[-1]{inflight} == 1
	}, 'an error in the last: nobody waits for the others');

	# one that is not cut is answered as if we were not there, even if it is
	# not known yet whether it has to be

	for my $how ({ status => 429, headers => { 'Retry-After' => 1 } },
		{ index => 'missing' }, { count => -1 }, { junk => 1 })
	{
		my $body = ten(texts('whole', 3), user => join ' ', 'whole',
			sort keys %$how);

		$mock->reset();
		$mock->script(%$how);
		my $r = ask($uri, $body);
		my $plain = ask("/off$uri", { %$body, user => 'off' });
		is("$r->{status} " . length $r->{body}, "$plain->{status} "
			. length $plain->{body}, "whole: @{[ sort keys %$how ]}");
		is($mock->count(), 2, "whole: @{[ sort keys %$how ]}: one call");
	}

	# a pause that is short enough is waited for

	$mock->reset();
	$mock->next({ status => 429, headers => { 'Retry-After-Ms' => 50 } });
	is_own_answer(ask($uri, ten(texts('pause', 25))), 'a pause');

	# wrong answers are nobody's

	for my $how ({ count => -1 }, { index => 'foreign' }, { junk => 1 },
		{ fault => 'cut' }, { fault => 'close' })
	{
		$mock->reset();
		$mock->script(%$how);
		my $r = ask($uri, ten(texts('wrong', 25),
			user => join ' ', %$how));
		is($r->{status}, 502, "wrong answers: @{[ %$how ]}");
	}

	# one bad text of a client does not harm another's

	$mock->reset();
	my $bad = texts('bad', 25);
	$bad->[12] = 'POISON';

	my @r = $t->plugged($mock, [
		{ uri => $uri, body => ten($bad) },
		map { { uri => $uri, body => ten("good $_") } } 1 .. 8,
	], queued => 11);

	is($r[0]{status}, 400, 'a bad text: the guilty one');
	is_own_answer([ @r[1 .. 8] ], 'a bad text: the others');
}

# what an upstream complains of; a group for each

sub learned ($workers) {
	for (
		[ 'tei', {}, 100, 'learned_size', 32 ],
		[ 'mistral', {}, 600, 'learned_size' ],
		[ 'openai', { max_items => 20 }, 100, 'learned_size' ],
		[ 'vllm', { max_tokens => 100 }, 100, 'learned_tokens' ],
		[ '', { max_bytes => 6000 }, 800, 'learned_bytes' ],
	) {
		my ($as, $how, $n, $member, $value) = @$_;
		my %more = (model => "$as-$workers");
		my $name = "learned, $as @{[ %$how ]}";

		$mock->as($as);
		$mock->reset();
		$mock->script(%$how);

		my $r = ask($uri, of(texts("$as first", $n), %more));
		is_own_answer($r, $name);

		my $learned = group($more{model})->{$member};
		cmp_ok($learned, '>', 0, "$name: $member");
		is($learned, $value, "$name: as the upstream says") if $value;

		# from then on no call is too large

		$mock->reset();
		$mock->script(%$how);
		$r = ask($uri, of(texts("$as again", $n), %more));
		is_own_answer($r, "$name, again");
		is($mock->items(), $n, "$name, again: each is sent once");
	}

	# from calls of several clients, too

	my %more = (model => "several $workers");

	$mock->as('tei');
	$mock->reset();

	my @r = $t->plugged($mock, [ map { { uri => $uri,
		body => of(texts("several $_", 10), %more) } } 1 .. 8 ]);
	is_own_answer(\@r, 'learned by several');
	is(group($more{model})->{learned_size}, 32,
		'learned by several: as the upstream says');

	$mock->reset();
	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => of(texts("again $_", 10), %more) } } 1 .. 8 ]);
	is_own_answer(\@r, 'learned by several, again');
	is($mock->items(), 81, 'learned by several, again: sent once');

	# as many items as were taken before, but longer ones

	$more{model} = "longer $workers";
	$mock->as('');
	$mock->reset();
	$mock->script(max_bytes => 30000);

	is_own_answer(ask($uri, of(texts('short', 400), %more)), 'short ones');
	is_own_answer(ask($uri, of([ map { "$_ " . 'long ' x 40 } 1 .. 400 ],
		%more)), 'as many, but longer');
	cmp_ok(group($more{model})->{learned_bytes}, '>', 0,
		'as many, but longer: learned');
	$mock->as('tei');

	# one that is cut and others, of whom none is to see the complaint

	$more{model} = "both $workers";
	$mock->reset();

	@r = $t->plugged($mock, [ map { { uri => $uri,
		body => of(texts("both $_", $_), %more) } } 20, 70, 1, 30 ]);
	is_own_answer(\@r, 'learned with a large one');

	$mock->as('');
}

sub group ($model) {
	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
	my ($group) = grep { $_->{name} eq ":$model" }
		@{$json->{zones}{llm}{groups}};

	return $group // {};
}

sub off ($workers) {
	$mock->reset();
	my $r = ask("/off$uri", ten(texts('off', 25)));
	is_own_answer($r, 'off');
	is(sizes($mock), '25', 'off: in one piece');
	is("$r->{headers}{'x-status'} $r->{headers}{'x-reason'}",
		'BYPASS item', 'off: passed through');
}
