#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the module when calls of libc fail at random in the workers: no wrong
# answer, no hang, no worker that ends, and all is as before when it is over.
# An error is what plain nginx gives, too: the same load through it is shown
# beside.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;
use Test::LLMBatch::Chaos;
use Test::LLMBatch::Inject;

# in percent; a failed epoll_ctl or writev costs a connection, that of a client
# or of an upstream, a failed malloc what was about to be done

my @rounds = (
	[ malloc => 0.5 ], [ malloc => 3 ], [ memalign => 1 ],
	[ socket => 5 ], [ epoll_ctl => 1 ], [ writev => 2 ], [ recv => 2 ],
	[ write => 5 ],
);

my $t = Test::LLMBatch->new('failures of libc', but => {
	tls => 'if a malloc fails, libcrypto may refuse all handshakes to come',
})
	->has(qw/ llm_batch inject /);

chaos_conf($t, '', server => 'request_pool_size 8k;
location /plain/ {
    proxy_read_timeout 5s;
    proxy_pass http://backend/;
}');

my $mock = $t->backend();
my $inject = Test::LLMBatch::Inject->new($t);

$t->run();
$t->expect(qr/\[(?:emerg|alert|crit)\].* failed/);

my $workers = join ' ', sort $t->workers();

$mock->script(delay => 0.005);

for (@rounds) {
	my ($name, $percent) = @$_;
	my $what = "$name $percent %";
	my $before = $inject->count($name);
	my (%seen, %plain);

	$inject->set($name => $percent / 100);

	count(\%plain, '/plain/v1/embeddings', 150);
	count(\%seen, '/v1/embeddings', 300);

	$inject->set();

	note("$what, " . ($inject->count($name) - $before)
		. ' failures: ' . shown(\%seen) . '; plain: ' . shown(\%plain));

	is($seen{wrong} // 0, 0, "$what: no wrong answer") or diag($seen{first});
	is($seen{hang} // 0, 0, "$what: no hang");
	cmp_ok($seen{right} // 0, '>', 150, "$what: most are answered");
	empty_zone($t, $what);
}

calls();

cmp_ok($inject->count('recv'), '>', 0, 'there were failures');
is(join(' ', sort $t->workers()), $workers, 'the workers have lived');
still_merges($t, $mock, 'afterwards');

$t->done();


# the memory of calls, whose blocks are smaller than those of requests, ends at
# each point of how a call is made

sub calls {
	my $before = $inject->count('memalign');
	my $wrong = 0;

	$inject->set(memalign => [ 0.5, 4096, 4096 ]);

	for my $i (1 .. 40) {
		my @r = $t->burst(24, '/v1/embeddings', sub ($k) {
			my $model = 'm' x (8 * $i) . $k % 4;
			return { model => $model, input => "text $i.$k" };
		});
		$wrong += grep { own_answer_problem($_) } @r;
	}

	$inject->set();

	is($wrong, 0, 'calls: all are answered');
	cmp_ok($inject->count('memalign') - $before, '>', 50,
		'calls: there were failures');
	empty_zone($t, 'calls');
}

# what became of n requests

sub count ($seen, $uri, $n) {
	my $load = chaos_load($t, uri => $uri, requests => $n, keepalive => 0,
		timeout => 15);

	$seen->{right} += $load->{ok};

	for my $r (@{$load->{lost}}, @{$load->{wrong}}) {
		my $kind = ($r->{error} // '') eq 'timeout' ? 'hang'
			: $r->{error} ? 'cut'
			: $r->{status} >= 500 ? 'error' : 'wrong';

		$seen->{first} //= $r->{problem} if $kind eq 'wrong';
		$seen->{$kind}++;
	}
}

sub shown ($seen) {
	return join ', ', map { "$seen->{$_} $_" }
		grep { $_ ne 'first' } sort keys %$seen;
}
