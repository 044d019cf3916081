#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the headers of a merged answer: what belongs to one client or to one
# body does not get to the others, and what the API tells of itself and of its
# limits is kept.  Also over workers, where headers travel with the answer.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ uniq /;

use Test::LLMBatch;

use Test::LLMBatch::Fail;

my $t = Test::LLMBatch->new('headers of answers')->has('llm_batch');
my $mock = $t->backend();
my @texts = map { "text $_" } 1 .. 8;

my @dropped = qw/ set-cookie etag alt-svc server-timing x-compute-tokens
	last-modified
	accept-ranges keep-alive proxy-authenticate trailer /;
my %kept = (
	'openai-version' => '2020-10-01', 'openai-processing-ms' => '17',
	'x-ratelimit-limit-requests' => '10',
	'x-ratelimit-remaining-tokens' => '99',
	'retry-after' => '3', 'retry-after-ms' => '2500',
	'cache-control' => 'no-store', 'vary' => 'Origin',
	'access-control-expose-headers' => 'X-Request-ID',
);

for my $workers (1, 4) {
	fail_conf($t, <<'EOF', workers => $workers);
llm_batch_breaker failures=100 cooldown=1s;
add_header X-Location yes always;
EOF
	$t->run();

	headers_of('merged', 200);
	headers_of('an error to all', 401);
	ids();
	encodings();

	$t->quit() if $workers == 1;
}

$t->done();


sub headers_of ($name, $status) {
	my %sent = (%kept, map { $_ => "of $_" } @dropped);

	$sent{'set-cookie'} = [ 'a=1', 'b=2' ];
	$sent{'x-many'} = [ 'one', 'two' ];

	my @r = failing($t, $mock, { headers => \%sent,
		$status == 200 ? () : (status => $status) }, \@texts,
		always => 1);

	is(sizes($mock), '1 8', "$name: one call");
	is(statuses(@r), $status, "$name: status");
	is(headers($_, @r), '', "$name: no $_") for @dropped;
	is(headers($_, @r), $kept{$_}, "$name: $_") for sort keys %kept;

	is(join(', ', uniq map { join ' ', @{$_->{all}{'x-many'} // []} } @r),
		'one two', "$name: a header that comes twice");
	is(headers('content-type', @r), 'application/json', "$name: type");
	is((grep { @{$_->{all}{'content-type'}} > 1 } @r), 0,
		"$name: one type");
	is((grep {
		($_->{headers}{'content-length'} // -1) != length $_->{body}
	} @r), 0, "$name: a length of its own");
	is((grep { @{$_->{all}{date} // []} != 1
		or @{$_->{all}{server} // []} != 1 } @r), 0,
		"$name: one date, one server");
	is(headers('x-location', @r), 'yes', "$name: those of the location");
}

# the id of the upstream is that of the call

sub ids {
	my $like = { uri => '/v1/embeddings',
		body => { model => 'm', input => 'x' } };
	my @own = map { {
		%$like, headers => { 'X-Request-Id' => "own-$_" }
	} } 1 .. 3;

	$mock->reset();
	$mock->script(headers => { 'X-Request-Id' => 'upstream' });

	my @r = $t->plugged($mock, [ @own, map { { %$like } } 1 .. 3 ]);
	my @ids = map { $_->{headers}{'x-request-id'} // '' } @r;

	is(sizes($mock), '1 6', 'ids: one call');
	is(join(' ', @ids[0 .. 2]), 'own-1 own-2 own-3', "ids: the client's");
	is((grep { !/^[0-9a-f]{16,}$/ } @ids[3 .. 5]), 0, 'ids: a fresh one')
		or diag("@ids");
	is(uniq(@ids), 6, 'ids: nobody shares one');
	is(headers('x-upstream-request-id', @r), 'upstream',
		'ids: that of the call');
	is((grep { @{$_->{all}{'x-request-id'}} != 1 } @r), 0, 'ids: one each');

	my @calls = $mock->calls();
	my $sent = $calls[1]{headers}{'x-request-id'} // '';
	like($sent, qr/^[0-9a-f-]{8,}$/, 'ids: a call has one of its own');

	# who goes alone gets the upstream's

	my $r = $t->request($own[0]);
	is($r->{headers}{'x-request-id'}, 'upstream', 'ids: alone');
	is($r->{headers}{'x-upstream-request-id'}, undef,
		'ids: alone, no other');

	# an upstream without ids does not get them

	$mock->reset();
	@r = $t->plugged($mock, [ map { { %$like } } 1 .. 3 ]);
	is(headers('x-request-id', @r) . headers('x-upstream-request-id', @r),
		'', 'ids: none of the upstream, none of ours');
}

# clients accept codings; a call does not, and its answer has none

sub encodings {
	$mock->reset();

	my @r = $t->plugged($mock, [ map { {
		uri => '/v1/embeddings',
		headers => { 'Accept-Encoding' => 'gzip, deflate, br',
			'User-Agent' => 'client' },
		body => { model => 'm', input => "text $_" }
	} } 1 .. 4 ]);

	is_own_answer(\@r, 'codings: own answers');

	my ($plug, $call) = $mock->calls();
	is($plug->{headers}{'accept-encoding'}, 'gzip, deflate, br',
		'codings: accepted by a request that goes alone');
	is($call->{headers}{'accept-encoding'}, undef, 'codings: not by a call');
	is(headers('content-encoding', @r), '', 'codings: none');
}
