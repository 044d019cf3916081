#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards an upstream in which everything goes wrong, at random: each client gets
# its own answer or an error, never a wrong answer and never none.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use List::Util qw/ sum0 /;

use Test::LLMBatch;
use Test::LLMBatch::Chaos;

my $t = Test::LLMBatch->new('upstream in trouble')->has('llm_batch');

chaos_conf($t, '', timeout => '300ms');

my @trouble = ((map { { fault => $_ } } qw/ close reset stall reset_header
		reset_body stall_body cut cut_chunked /),
	(map { { status => $_ } } 400, 413, 429, 500, 503),
	{ status => 429, headers => { 'Retry-After-Ms' => 20 } },
	{ junk => 1 }, { body => '' }, { body => '[1,2' }, { body => 'null' },
	{ count => -1 }, { count => 1 }, { order => 'shuffle' },
	{ order => 'reverse' }, (map { { index => $_ } } qw/ duplicate foreign
		negative missing /), { gzip => 1 }, { chunked => 1 },
	{ status => 204, body => '' }, { keepalive => 0 }, { bytewise => 1 });

# a stall takes long; one is enough to have it with all the others

my $mock = $t->backend(8081, code => sub ($call) {
	return { delay => 0.005 } if rand() < 0.6;
	my $how = $trouble[rand @trouble];
	return ($how->{fault} // '') =~ /stall/ && rand() < 0.8
		? { delay => 0.005 } : $how;
});

$t->run();

my %seen;
my $n = scaled(3000);
my $load = chaos_load($t, requests => $n, check => sub ($r) {
	$seen{$r->{status}}++;
	return merged($r) ? own_answer_problem($r) : '';
});

# one that goes alone gets whatever the upstream sends, half a body, too

my @wrong = grep { $_->{error} ne 'closed' or merged($_) } @{$load->{wrong}};

is(@wrong, 0, 'trouble: no wrong answer') or diag($wrong[0]{problem});
is(@{$load->{lost}}, 0, 'trouble: each gets an answer');
is(sum0(@seen{grep { !/^(?:20[04]|400|413|429|50[0234])$/ } keys %seen}), 0,
	'trouble: errors are those of the upstream') or diag(explain(\%seen));
cmp_ok($seen{200}, '>', $n / 2, 'trouble: most are answered');
cmp_ok($load->{slowest}, '<', 10, 'trouble: nobody waits for long');
empty_zone($t, 'trouble');

$t->done();


sub merged ($r) {
	return ($r->{headers}{'x-status'} // 'MERGED') eq 'MERGED';
}
