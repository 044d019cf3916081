
/*
 * Copyright (C) The ngx_http_llm_batch_module authors
 *
 * SipHash-2-4, held against what its authors publish: the hashes of the texts
 * 00 01 02 ... of 0 to 63 bytes with the key 00 01 ... 0f, "vectors_sip64" of
 * https://github.com/veorq/SipHash.  That of 15 bytes is also in the paper,
 * appendix A.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "llmb_siphash.h"


static const uint64_t  vectors[64] = {
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd,
    0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
    0xcf2794e0277187b7, 0x18765564cd99a68d,
    0xcbc9466e58fee3ce, 0xab0200f58b01d137,
    0x93f5f5799a932462, 0x9e0082df0ba9e4b0,
    0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
    0x751e8fbc860ee5fb, 0x14ea5627c0843d90,
    0xf723ca908e7af2ee, 0xa129ca6149be45e5,
    0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794,
    0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
    0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7,
    0x93536795e3a33e88, 0xa80c038ccd5ccec8,
    0xb8ad50c6f649af94, 0xbce192de8a85b8ea,
    0x17d835b85bbb15f3, 0x2f2e6163076bcfad,
    0xde4daaaca71dc9a5, 0xa6a2506687956571,
    0xad87a3535c49ef28, 0x32d892fad841c342,
    0x7127512f72f27cce, 0xa7f32346f95978e3,
    0x12e0b01abb051238, 0x15e034d40fa197ae,
    0x314dffbe0815a3b4, 0x027990f029623981,
    0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
    0x0e3ea96b5304a7d0, 0xad0c42d6fc585992,
    0x187306c89bc215a9, 0xd4a60abcf3792b95,
    0xf935451de4f21df2, 0xa9538f0419755787,
    0xdb9acddff56ca510, 0xd06c98cd5c0975eb,
    0xe612a3cb9ecba951, 0xc766e62cfcadaf96,
    0xee64435a9752fe72, 0xa192d576b245165a,
    0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f,
    0x7fa8220ba3b2ecea, 0x245731c13ca42499,
    0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b,
    0x60e61c23a3795013, 0x6606d7e446282b93,
    0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3,
    0xe51b38608ef25f57, 0x958a324ceb064572
};


static llmb_secret_t  secret;
static uint8_t        text[64];


static int
setup(void **state)
{
    uint8_t  i;

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = i;
    }

    memcpy(secret.key, text, sizeof(secret.key));

    return 0;
}


static uint64_t
hash(const uint8_t *p, size_t len)
{
    llmb_str_t  str;

    str.data = p;
    str.len = len;

    return llmb_siphash(&secret, str);
}


static void
hashes_are_those_that_are_published(void **state)
{
    size_t  len;

    (void) state;

    for (len = 0; len < sizeof(text); len++) {
        assert_true(hash(text, len) == vectors[len]);
    }

    assert_true(hash(text, 15) == 0xa129ca6149be45e5);
}


static void
pieces_make_no_difference(void **state)
{
    size_t          len, a, b;
    llmb_siphash_t  h;

    (void) state;

    for (len = 0; len < sizeof(text); len++) {
        for (a = 0; a <= len; a++) {
            for (b = a; b <= len; b++) {
                llmb_siphash_init(&h, &secret);
                llmb_siphash_update(&h, text, a);
                llmb_siphash_update(&h, text + a, b - a);
                llmb_siphash_update(&h, text + b, len - b);

                assert_true(llmb_siphash_final(&h) == vectors[len]);
            }
        }
    }
}


static void
no_byte_beyond_the_text_is_read(void **state)
{
    size_t    len;
    uint8_t  *p;

    (void) state;

    for (len = 0; len < sizeof(text); len++) {
        p = malloc(len);
        assert_non_null(len ? p : text);
        memcpy(len ? p : text, text, len);

        assert_true(hash(p, len) == vectors[len]);
        free(p);
    }
}


static void
each_byte_of_the_secret_matters(void **state)
{
    size_t    i;
    uint64_t  before;

    (void) state;

    before = hash(text, 5);

    for (i = 0; i < sizeof(secret.key); i++) {
        secret.key[i] ^= 1;
        assert_true(hash(text, 5) != before);
        secret.key[i] ^= 1;
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(hashes_are_those_that_are_published),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(no_byte_beyond_the_text_is_read),
        cmocka_unit_test(each_byte_of_the_secret_matters),
    };

    return cmocka_run_group_tests_name("siphash", tests, setup, NULL);
}
