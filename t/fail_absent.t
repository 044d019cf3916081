#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what is made of a 404 for the path that only calls go to: that it is
# not there is believed only if a request to its own path then succeeds, and
# only of what was asked for.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('absent path')->has('llm_batch');

# "nope" is no model, "single" one that cannot be asked for several

my $mock = $t->backend(8081, code => sub ($call) {
	return { status => 404 } if $call->{uri} =~ m!/nope:!
		or $call->{uri} =~ m!/single:batch!;
	return {};
});

$t->conf(<<'EOF', workers => 2);
location / {
    llm_batch zone=llm;
    llm_batch_concurrency 1;
    llm_batch_max_wait 20s;
    proxy_pass http://backend;
}
EOF
$t->run();

# a model that is not there

for (1 .. 3) {
	my @r = ask('nope', 'A');
	is(words(status => @r), '404', 'no such model: what the server says');
	is(calls(), '1 4 1 1 1 1', 'no such model: each alone');
}

is(notices(), 0, 'no such model: nothing is noticed');
is(absent(), 0, 'no such model: nothing is counted');

merges('m', 'A', 'another model of the same client');
merges('m', 'B', 'another model of another one');

# a path that is not there

my @r = ask('single', 'A');
is_own_answer(\@r, 'no such path: all are answered');
is(calls(), '1 4 1 1 1 1', 'no such path: each alone');
ok(wait_for { absent() == 1 }, 'no such path: it is counted');
is(notices(), 1, 'no such path: it is noticed');

@r = burst('single', 'A');
is_own_answer(\@r, 'no such path, later: all are answered');
is(words(reason => @r), 'adapter', 'no such path, later: it is not tried');
is(calls(), '1 1 1 1', 'no such path, later: each alone');
is(notices(), 1, 'no such path, later: one notice is enough');

merges('m', 'A', 'no such path: another model');

# one 404 or 405 that was no more than that

for my $status (404, 405) {
	my @r = ask("m$status", 'A', { status => $status },
		({ status => 404 }) x 4);
	is(words(status => @r), '404', "$status once: status");
	is(calls(), '1 4 1 1 1 1', "$status once: each alone");
	is(absent(), 1, "$status once: nothing is counted");

	merges("m$status", 'A', "$status once: then");
}

$t->done();


sub requests ($model, $tenant) {
	return map { {
		uri => "/v1beta/models/$model:embedContent",
		headers => { 'x-goog-api-key' => $tenant },
		body => { content => { parts => [ { text => "text $_" } ] } }
	} } 1 .. 4;
}

# four that meet, and how the server answers what follows the one before them

sub ask ($model, $tenant, @next) {
	$mock->reset();

	return $t->plugged($mock, [ requests($model, $tenant) ],
		then => sub { $mock->next(@next) if @next });
}

sub burst ($model, $tenant) {
	$mock->reset();

	my $client = $t->client();
	return $client->finish($client->start(requests($model, $tenant)));
}

sub merges ($model, $tenant, $name) {
	my @r = ask($model, $tenant);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_own_answer(\@r, "$name: own answers");
	is(calls(), '1 4', "$name: one call");
}

sub calls { return join ' ', map { $_->{items} } $mock->calls() }

sub words ($what, @r) {
	my %seen;

	$seen{$what eq 'status' ? $_->{status}
		: $_->{headers}{"x-$what"} // ''}++ for @r;
	return join ' ', sort keys %seen;
}

sub absent { return $t->metric('llm_batch_absent_paths_total') // 0 }

sub notices {
	return scalar(() = $t->read_file('error.log')
		=~ /\[notice\].*no path for calls/g);
}
