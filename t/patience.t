#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards that requests wait for others in proportion to what a call takes, and
# only where others come: so two that come apart share a call although slots
# are free, while those that are alone are sent at once.  A full call does not
# wait, a tolerance scales it, and a budget is spent where that was said.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Time::HiRes qw/ sleep /;

use Test::LLMBatch;

# a call takes a second, so nothing here depends on a few milliseconds

my $t = Test::LLMBatch->new('patience')->has('llm_batch');
my $mock = $t->backend();

$t->conf(<<'EOF');
llm_batch zone=llm;
llm_batch_patience 50%;
llm_batch_headers on;

location / {
    proxy_pass http://backend;
}
location /off/ {
    llm_batch_patience off;
    proxy_pass http://backend/;
}
location /full/ {
    llm_batch_max_size 2;
    proxy_pass http://backend/;
}
location /budget/ {
    llm_batch_patience 50% budget;
    llm_batch_max_wait 5s;
    proxy_pass http://backend/;
}
EOF

$t->run();
$mock->script(delay => 1);

# nothing is known: all are sent as with "off"

is_deeply([ pair('/') ], [ 'SINGLE', 'SINGLE' ], 'nothing is known');

learn($_) for '', '/off', '/full', '/budget';

my $json = $t->request({ uri => '/llm-batch?format=json' })->{json};
my ($group) = @{$json->{zones}{llm}{groups}};
cmp_ok($group->{patience}{near}, '>=', 0.1, 'it has company');
ok(!exists $group->{rate_limit}, 'and no limit is known');

is_deeply([ pair('/') ], [ 'MERGED', 'MERGED' ], 'the second was waited for');
is_deeply([ pair('/off/') ], [ 'SINGLE', 'SINGLE' ], 'off');

my @r = apart(0.05, map { of('/full/', $_) } 1 .. 2);
is_deeply(statuses(@r), [ 'MERGED', 'MERGED' ], 'a full call');
is($r[0]{headers}{'x-llm-batch'} =~ /close=(\w+)/ ? $1 : '', 'size',
	'waits for nobody');

# a third of the time of one alone has been spent on these two

@r = apart(0.05, of('/', 1), of('/', 2, 'X-LLM-Latency-Tolerance' => 'low'));
is_deeply(statuses(@r), [ 'MERGED', 'MERGED' ], 'low joins, but');
cmp_ok(waited($r[0]), '<', 0.3, 'leaves at once');

@r = apart(0.05, of('/', 1, 'X-LLM-Latency-Tolerance' => 'medium'));
cmp_ok(waited($r[0]), '>=', 0.1, 'medium waits');
cmp_ok(waited($r[0]), '<', 0.45, 'half as long');

# budgets

@r = apart(0.7, map { of('/budget/', $_, 'X-LLM-Latency-Budget-Ms' => 6000) }
	1 .. 2);
is_deeply(statuses(@r), [ 'MERGED', 'MERGED' ], 'a budget is spent');
cmp_ok(waited($r[0]) + 1, '<', 6, 'but not more than that');

@r = apart(0.7, map { of('/', $_, 'X-LLM-Latency-Budget-Ms' => 6000) }
	1 .. 2);
is_deeply(statuses(@r), [ 'SINGLE', 'SINGLE' ], 'or only kept');

# who is alone is not held for long: at most twenty of them

$mock->script(delay => 0.01);
$t->request(of('/', 'a')) for 1 .. 200;

my @waits = map { waited($t->request(of('/', "alone $_"))) } 1 .. 20;
is_deeply([ grep { $_ > 0.02 } @waits ], [], 'one that is alone does not wait');

$t->done();


sub of($where, $text, %headers) {
	return { uri => "${where}v1/embeddings",
		body => { model => 'm', input => "text $text" },
		headers => \%headers };
}


# so many seconds after each other

sub apart($gap, @requests) {
	my $client = $t->client(timeout => 20);
	my @conns;

	for my $request (@requests) {
		sleep($gap) if @conns;
		push @conns, @{ $client->start($request) };
	}

	return $client->finish(\@conns);
}


sub pair($where) {
	return @{ statuses(apart(0.1, map { of($where, $_) } 1, 2)) };
}


sub statuses(@r) {
	return [ map { ($_->{headers}{'x-llm-batch'} // '')
		=~ /status=(\w+)/ ? uc $1 : $_->{status} } @r ];
}


sub waited($r) {
	return ($r->{headers}{'x-llm-batch'} // '') =~ /wait=([\d.]+)/ ? $1 : -1;
}


# calls of one and of several, in company

sub learn($where) {
	for (1 .. 3) {
		my @r = $t->client(timeout => 20)->burst(8, "$where/v1/embeddings",
			sub ($i) { { model => 'm', input => "text $i" } });
		is_own_answer(\@r, "company $where");
	}
}
