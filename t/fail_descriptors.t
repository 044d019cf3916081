#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards calls that cannot be sent for want of a descriptor, of their own or of
# a connection to the upstream: they wait a moment instead of needing one for
# each member at once, and only then go alone.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Fail;
use Test::LLMBatch::Inject;

use constant { OWN => 1, UPSTREAM => 2 };       # AF_UNIX, AF_INET
use constant TRIES => 4;

my $t = Test::LLMBatch->new('no descriptor for a call')
	->has(qw/ llm_batch inject /);

$t->conf(<<'EOF');
llm_batch_concurrency 1;
llm_batch_max_wait 20s;
llm_batch_breaker failures=2 cooldown=60s;
llm_batch_fallback_limit 0%;

location / {
    llm_batch zone=llm;
    proxy_pass http://%%ADDR%%:8081;
}

location /cut/ {
    llm_batch zone=llm;
    llm_batch_max_tokens 40;
    proxy_pass http://%%ADDR%%:8081/;
}

location /off/ {
    llm_batch zone=llm;
    llm_batch_fallback off;
    proxy_pass http://%%ADDR%%:8081/;
}
EOF

my $mock = $t->backend();
my $inject = Test::LLMBatch::Inject->new($t);
my @texts = map { "text $_" } 1 .. 8;
my @long = map { "$_ " . 'of many words ' x 8 } 1 .. 8;

$t->run();
$t->expect(qr/socket\(\) failed/);

for ([ 'its own', OWN ], [ 'to the upstream', UPSTREAM ]) {
	my ($what, $domain) = @$_;

	for my $uri (qw{ /v1/embeddings /off/v1/embeddings }) {
		my $where = "$what, $uri";

		# as many as the call needs once: members alone would need one each

		my @r = without($domain, TRIES - 1, $uri);
		is_own_answer(\@r, "$where, for a moment: answers");
		is(sizes($mock), '1 8', "$where, for a moment: in one call");

		@r = without($domain, TRIES, $uri);
		is_own_answer(\@r, "$where, for longer: answers");
		is(headers('x-reason', @r), 'internal', "$where, for longer: reason");
		is(sizes($mock), '1 1 1 1 1 1 1 1 1', "$where, for longer: alone");
	}
}

# a part whose call cannot be sent is tried again, too

my $parts = whole(TRIES - 1);
is_own_answer([ $parts ], 'a part, for a moment: answer');
is(sizes($mock), '1 1 1 1 1 1 1 1', 'a part, for a moment: in parts');

# and then its request goes as it came

my $whole = whole(TRIES);
is_own_answer([ $whole ], 'a part: answer');
is($whole->{headers}{'x-reason'}, 'internal', 'a part: reason');
like(sizes($mock), qr/\b8\b/, 'a part: the request goes as it came');

without(UPSTREAM, TRIES, "/v1/embeddings");
my @r = without(OWN, 0, '/v1/embeddings');
is_own_answer(\@r, 'afterwards: answers');
is(sizes($mock), '1 8', 'afterwards: the breaker is closed');

$t->done();


# what a client has sent in one request, and what became of it

sub whole ($n) {
	$mock->reset();
	$inject->set(socket => [ 1, UPSTREAM, UPSTREAM,
		$inject->count('socket') + $n ]);

	my ($r) = $t->burst(1, '/cut/v1/embeddings',
		sub ($i) { { model => 'm', input => \@long } });

	$inject->set();
	return $r;
}

# the responses to a call for which so many calls of socket() fail

sub without ($domain, $n, $uri) {
	my @held = failing($t, $mock, {}, \@texts, uri => $uri, then => sub {
		$inject->set(socket => [ 1, $domain, $domain,
			$inject->count('socket') + $n ]) if $n;
	});

	$inject->set();
	return @held;
}
