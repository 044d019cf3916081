#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the warning to whoever has merged clients by "llm_batch_tenant", while
# the upstream wants to know which one it is: once, and only then.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('missing credentials')->has('llm_batch');
my $uri = '/v1/embeddings';
my $status = 200;

my $mock = $t->backend();

fail_conf($t, 'llm_batch_tenant shared;');
$t->run();

sub ask(@who) {
	$mock->reset();
	my @r = $t->plugged($mock, [ map {
		{ uri => $uri, headers => { Authorization => "Bearer $_" },
			body => { model => 'm', input => "text of $_" } }
	} @who ], like => { uri => $uri,
		body => { model => 'm', input => 'plug' } }, queued => scalar @who,
		then => sub { $mock->script(status => $status) });

	return join ' ', map { $_->{status} // 'none' } @r;
}

sub warnings() {
	return scalar(() = $t->read_file('error.log')
		=~ /\[warn\].*has answered 40[13] to a call of clients/g);
}

is(ask(qw/ A B /), '200 200', 'merged');
is(warnings(), 0, 'merged: nothing to warn of');

$status = 401;
is(ask(qw/ A A /), '401 401', 'one credential');
is(warnings(), 0, 'one credential: its own business');

$t->expect(qr/has answered 401 to a call of clients/);
is(ask(qw/ A B /), '401 401', 'two credentials');
is(warnings(), 1, 'two credentials: a warning');

$status = 403;
is(ask(qw/ A B C /), '403 403 403', 'again');
is(warnings(), 1, 'again: once is enough');

$t->done();
