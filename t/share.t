#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards what groups share whose calls go to one upstream: what calls cost, and
# the slots, by tenant first; and that those of another upstream, of another model,
# or with a concurrency that is set share nothing.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('share')->has('llm_batch');
my $mock = $t->backend();

$t->conf(<<'EOF', workers => 2, http => <<'EOF');
llm_batch zone=llm;
llm_batch_group "$llm_batch_model $http_authorization $http_cookie $uri";
llm_batch_breaker failures=1000 cooldown=1s;
llm_batch_max_wait 20s;

location /v1/ {
    llm_batch_concurrency auto max=2;
    proxy_pass http://backend;
}

location /var/ {
    llm_batch_concurrency auto max=2;
    rewrite ^/var(.*) $1 break;
    proxy_pass http://$http_x_place;
}

location /other/ {
    llm_batch_concurrency auto max=2;
    rewrite ^/other(.*) $1 break;
    proxy_pass http://other;
}

location /fixed/ {
    llm_batch_concurrency 2;
    rewrite ^/fixed(.*) $1 break;
    proxy_pass http://backend;
}
EOF
upstream other { server %%ADDR%%:8081 max_fails=0; keepalive 16; }
EOF

$t->run();

sub of ($tenant, %o) {
	return { uri => ($o{at} // '') . '/v1/embeddings',
		headers => { Authorization => "Bearer $tenant", %{$o{more} // {}},
			$o{place} ? ('X-Place' => $o{place}) : () },
		body => { model => $o{model} // 'm',
			input => $o{input} // "of $tenant" } };
}

sub known {
	my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};

	return scalar grep { $_->{call_cost} } @{$json->{zones}{llm}{groups}};
}

# what one group has learned, another one knows after its first call

# (on a busy machine what calls take may have little to do with what is in them)

for my $n (1 .. 800) {
	$t->request(of('A', input => [ map { "text $_" } 1 .. 1 + $n % 3 ]));
	last if $n % 40 == 0 && known();
}

is(known(), 1, 'one has learned what calls cost');
$t->request(of('B'));
is(known(), 2, 'so another one knows, too');
$t->request(of('C', at => '/other'));
is(known(), 2, 'but not of another upstream');
$t->request(of('D', at => '/var', place => 'backend'));
is(known(), 3, 'an upstream that is made of variables is the same');
$t->request(of('E', at => '/var', place => 'other'));
is(known(), 3, 'or another one');
$t->request(of('F', model => 'm2'));
is(known(), 3, 'calls for another model are others');
$t->request(of('G', at => '/fixed'));
is(known(), 3, 'a concurrency that is set is no learned one');

# a client that the server fails on, or whose model is away, takes no slots of
# others

for my $status (500, 503) {
	$mock->script(status => $status);
	$t->request(of('A')) for 1 .. 8;
}

$mock->script();
$mock->reset();
$mock->next({ hold => 1 }, { hold => 1 });

my $other = $t->client();
my @both = @{$other->start(of('B'))};
wait_for { $mock->count() == 1 } or diag('no first request');
push @both, @{$other->start(of('B'))};

ok(wait_for { $mock->count() == 2 },
	'a 500 and a 503 take only slots of whoever asks');

$mock->release();
$other->finish(\@both);

# groups of one tenant, by what it may make up

my @more = map { ({ 'X-Any' => $_ }, { Cookie => "any=$_" }) } 1 .. 4;

$t->request($_) for (map { of('A', more => $_) } @more), of('H');

# errors of several take all slots but one; A has it, so the others wait

$mock->script(status => 503);
$t->request($_) for map { of('A'), of('F', model => 'm2') } 1 .. 8;
$mock->script();
$mock->reset();
$mock->next({ hold => 1 });

my $client = $t->client();
my $first = $client->start(of('A'));
wait_for { $mock->count() == 1 } or diag('no first request');

my @waiting;

for my $request ((map { of('A', more => $_) } @more), of('H'),
	of('F', model => 'm2'))
{
	push @waiting, @{$client->start($request)};
	wait_for { ($t->metric('llm_batch_queue_requests') // 0) == @waiting };
}

is($t->metric('llm_batch_queue_requests'), 10,
	'a slot is shared: other groups wait for it, whatever model they ask');
is($mock->count(), 1, 'a slot is shared: one request at a time');

my @free = ($t->request(of('C', at => '/other')),
	$t->request(of('G', at => '/fixed')));
is_own_answer(\@free, 'those that share nothing do not wait');
is($t->metric('llm_batch_queue_requests'), 10, 'the others still do');

$mock->release();
is_own_answer([ $client->finish([ @$first, @waiting ]) ],
	'the slot goes to the other groups');

# the first one has had the slot all the time

my @order = map { $_->{body} =~ /of ([AH])/ } $mock->calls();
my ($turn) = grep { $order[$_] eq 'H' } 0 .. $#order;

cmp_ok($turn, '<=', 2, 'however many are of one tenant, they have one share')
	or diag("@order");

ok(scalar(grep { $_->{headers}{'x-status'} eq 'SINGLE' } @free) == 2,
	'all were held');

$t->done();
